// Server-sent events in a piece of text.

export interface ServerEvent {
  /** With which a stream that was cut goes on behind this event. */
  id?: string;
  name: string;
  data: string;
}

/** Each whole event in `text` that has data, and what is left over behind the last of them. */
export function eventsIn(text: string): { events: ServerEvent[]; rest: string } {
  const pieces = text.split(/\r?\n\r?\n/);
  const rest = pieces.pop() ?? '';
  return { events: pieces.map(eventOf).filter((event) => event.data), rest };
}

function eventOf(piece: string): ServerEvent {
  const lines = piece.split(/\r?\n/);
  const values = (field: string) =>
    lines.filter((line) => line.startsWith(`${field}:`)).map((line) => line.slice(field.length + 1).trimStart());
  return { id: values('id').at(-1), name: values('event').at(-1) ?? 'message', data: values('data').join('\n') };
}
