// The time that "2 minutes ago" counts from; it goes on every few seconds.
export const clock = $state({ now: Date.now() });

setInterval(() => (clock.now = Date.now()), 5000);
