/** Frames side by side in a preview strip, as packaging makes it. */
export const previewFrames = 10;

/** Which frame to show for a pointer at this share of the card's width. */
export function frameAt(share: number): number {
  return Math.min(previewFrames - 1, Math.max(0, Math.floor(share * previewFrames)));
}

/** The strip's horizontal position, in per cent, that shows a frame. */
export function positionOf(frame: number): number {
  return (100 * frame) / (previewFrames - 1);
}
