import type { InputReference } from '../../api/types';

/** What the server accepts for a first frame; it checks again by itself. */
const referenceTypes: readonly string[] = ['image/png', 'image/jpeg', 'image/webp'];
const referenceBytesMax = 5 * 1024 * 1024;

export const referenceAccept = referenceTypes.join(',');

/** Why a file cannot be a reference image, in words, or null when it can. */
export function refusalOf(file: Pick<File, 'type' | 'size'>): string | null {
  if (!referenceTypes.includes(file.type)) return 'Choose a PNG, JPEG or WebP image.';
  if (file.size > referenceBytesMax) return 'That image is over 5 MB. Choose a smaller one.';
  if (file.size === 0) return 'That file is empty.';
  return null;
}

export async function referenceOf(file: File): Promise<InputReference> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = '';
  const pieceBytes = 32_768;
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    binary += String.fromCharCode(...bytes.subarray(start, start + pieceBytes));
  }
  return { contentType: file.type, data: btoa(binary) };
}
