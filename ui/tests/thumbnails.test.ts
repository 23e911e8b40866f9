// Small pictures: those of a server that is busy come later.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { thumbnail } from '../src/api/thumbnails';

vi.mock('../src/api/client', () => ({ freshHeaders: async () => ({}) }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Answers, one for each request of a path, the last for all that follow. */
function answering(answers: Record<string, Response[]>) {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    const left = answers[path]!;
    return left.length > 1 ? left.shift()! : left[0]!.clone();
  });
  return asked;
}
const busy = () => new Response('', { status: 503, headers: { 'Retry-After': '2' } });

describe('small pictures', () => {
  it('are asked for again when a busy server says that they may be there', async () => {
    vi.useFakeTimers();
    const asked = answering({ '/late': [busy(), busy(), new Response('png')], '/soon': [new Response('png')] });
    const late = thumbnail('/late', '1', new AbortController().signal);
    const soon = thumbnail('/soon', '1', new AbortController().signal);
    expect(await soon).toMatch(/^blob:/);
    await vi.advanceTimersByTimeAsync(1900);
    expect(asked.filter((path) => path === '/late').length).toBe(1);
    await vi.advanceTimersByTimeAsync(2200);
    expect(await late).toMatch(/^blob:/);
    expect(asked.filter((path) => path === '/late').length).toBe(3);
  });
  it('are not asked for again where there is none, or by who has gone', async () => {
    vi.useFakeTimers();
    const asked = answering({ '/none': [new Response('', { status: 404 })], '/left': [busy()] });
    expect(await thumbnail('/none', '1', new AbortController().signal)).toBeNull();
    expect(await thumbnail('/none', '1', new AbortController().signal)).toBeNull();
    const over = new AbortController();
    void thumbnail('/left', '1', over.signal);
    await vi.advanceTimersByTimeAsync(100);
    over.abort();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual(['/none', '/left']);
  });
});
