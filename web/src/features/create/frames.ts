import { dimensionsOf } from '../../api/generations';

/** What people call a frame of this shape. */
export function frameName(size: string): string {
  const { width, height } = dimensionsOf(size);
  if (width === height) return 'Square';
  if (height > width) return 'Upright';
  return width / height > 2 ? 'Cinema' : 'Wide';
}
