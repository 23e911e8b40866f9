// Server-sent events in a piece of text.

/** The `data:` of each whole event in `text`, and what is left over behind the last of them. */
export function eventsIn(text: string): { data: string[]; rest: string } {
  const pieces = text.split(/\r?\n\r?\n/);
  const rest = pieces.pop() ?? '';
  const lines = (piece: string) => piece.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  const data = pieces.map((piece) => lines(piece).map((line) => line.slice(5).trimStart()).join('\n'));
  return { data: data.filter(Boolean), rest };
}
