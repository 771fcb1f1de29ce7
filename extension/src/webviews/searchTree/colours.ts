/** The colours of accuracies: cividis, which looks the same to people with and without a colour vision deficiency. */

import { interpolateCividis } from "d3-scale-chromatic";

export interface Paint {
  readonly fill: string;
  /** Readable on `fill`. */
  readonly text: string;
}

const PAINTS: readonly Paint[] = Array.from({ length: 101 }, (_, percent) => {
  const fill = interpolateCividis(percent / 100);
  return { fill, text: luminance(fill) > 0.179 ? "#000000" : "#ffffff" };
});

/** How a program of an accuracy, 0..1, is painted. */
export function paint(accuracy: number): Paint {
  const percent = Math.min(100, Math.max(0, Math.floor(accuracy * 100 + 1e-9)));
  return PAINTS[percent] ?? { fill: "#808080", text: "#000000" };
}

/** The relative luminance of `rgb(r, g, b)`, 0..1 (WCAG 2). */
export function luminance(rgb: string): number {
  const [red = 0, green = 0, blue = 0] = (rgb.match(/\d+/g) ?? []).map((channel) => {
    const value = Number(channel) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
