/** Numbers in words, as the command line says them. */

/** A fraction in percent, cut and not rounded: only a flawless model has `100 %`. */
export function share(fraction: number | null): string {
  if (fraction === null) return "unknown";
  if (fraction >= 1) return "100 %";
  if (fraction > 0 && fraction < 0.001) return "< 0.1 %";
  return `${(Math.floor(fraction * 1000 + 1e-9) / 10).toFixed(1)} %`;
}

/** A number with its noun: `1 call`, `10,000 calls`. */
export function count(number: number, noun: string): string {
  return `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;
}

export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  const minutes = Math.round(value / 60);
  return minutes < 120 ? `${minutes} min` : `${(value / 3600).toFixed(1)} h`;
}

export function dollars(value: number): string {
  return value > 0 && value < 0.01 ? `$${value.toPrecision(1)}` : `$${value.toFixed(2)}`;
}

/** The text with every character replaced that would change the order in which others are shown, or hide. */
export function visible(text: string): string {
  return text.replace(/(?![\t\n\r])[\p{Cc}\p{Cf}]/gu, "\ufffd");
}
