// The range of a parameter, as forms say it.
import { words } from '../words';

/** `0 to 10`; limits that are there only to keep out nonsense help nobody, and are not said. */
export function rangeText({ minimum, maximum }: { minimum?: number; maximum?: number }): string {
  const said = [minimum, maximum].map((n) => n !== undefined && (n === 0 || (Math.abs(n) < 1e6 && Math.abs(n) > 1e-6)));
  if (said[0] && said[1]) return words.run.between(minimum!, maximum!);
  return said[0] ? words.run.atLeast(minimum!) : said[1] ? words.run.atMost(maximum!) : '';
}
