// Signing in at an issuer: the authorization code grant of a public client (RFC 6749 §4.1) with PKCE (RFC 7636), and renewing its tokens (§6).
import { grant, hasLeft, signIn, signOut, type Grant } from '../session.svelte';
import { texts } from '../pages/sign-in/words';
import type { components } from '../../types/schema';

export type Issuer = NonNullable<components['schemas']['SignIn']['issuer']>;
type Client = Pick<Grant, 'token_endpoint' | 'client_id' | 'end_session_endpoint' | 'session'>;

/** What is remembered while people are at the issuer. */
interface Begun {
  state: string;
  verifier: string;
  issuer: Issuer;
  /** Where to go on afterwards. */
  page: string;
}
interface Token {
  access_token: string;
  expires_in?: number;
  refresh_token?: string;
  id_token?: string;
}

const PLACE = 'fieldstone.sign-in';
/** A token is renewed so many milliseconds before it ends, or a quarter of its life before. */
const MARGIN = 60_000;

export const hostOf = (address: string) => new URL(address).host;

/** As base64url (RFC 4648 §5). */
const text = (bytes: Uint8Array) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const random = (bytes: number) => text(crypto.getRandomValues(new Uint8Array(bytes)));
const hashed = async (verifier: string) => text(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
const home = () => location.origin + '/';

/** Goes to the issuer, which sends people back to `/`. */
export async function begin(issuer: Issuer, page: string) {
  if (!crypto.subtle) throw new Error(texts.insecure);
  const begun: Begun = { state: random(16), verifier: random(32), issuer, page };
  const address = new URL(issuer.authorization_endpoint);
  const asked = {
    response_type: 'code',
    client_id: issuer.client_id,
    redirect_uri: home(),
    scope: issuer.scope,
    audience: issuer.audience,
    state: begun.state,
    code_challenge: await hashed(begun.verifier),
    code_challenge_method: 'S256',
    ...(hasLeft() && { prompt: 'login' }),
  };
  for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
  sessionStorage.setItem(PLACE, JSON.stringify(begun));
  location.assign(address);
}

/** What came of it: a token, which the server still has to take, and where to go on. An error says what went wrong. */
export async function finish(said: URLSearchParams): Promise<{ token: string; grant: Grant; page: string; host: string }> {
  const begun = JSON.parse(sessionStorage.getItem(PLACE) ?? 'null') as Begun | null;
  // Once, whatever comes of it.
  sessionStorage.removeItem(PLACE);
  if (!begun || said.get('state') !== begun.state) throw new Error(texts.notBegun);
  const { issuer, verifier, page } = begun;
  const host = hostOf(issuer.issuer);
  // RFC 9207 §2.4.
  if ((said.get('iss') ?? issuer.issuer) !== issuer.issuer) throw new Error(texts.notBegun);
  const error = said.get('error');
  if (error === 'access_denied') throw new Error(texts.denied(host));
  if (error) throw new Error(texts.says(host, said.get('error_description') ?? error));
  const form = { grant_type: 'authorization_code', code: said.get('code')!, redirect_uri: home(), code_verifier: verifier };
  const token = await ask(issuer, form);
  return { token: token.access_token, grant: grantOf(issuer, token), page, host };
}

/** Puts a new token in place of one that is about to end, or signs out. */
export async function renew(now: Grant) {
  const isOver = Date.now() >= now.ends;
  if (!now.refresh) return isOver ? signOut('over') : undefined;
  try {
    const token = await ask(now, { grant_type: 'refresh_token', refresh_token: now.refresh });
    // Who signed out meanwhile stays so.
    if (grant() === now) signIn(token.access_token, false, grantOf(now, { refresh_token: now.refresh, ...token }));
  } catch (fault) {
    // An issuer that does not answer may do so again before the token ends.
    if (fault instanceof Refused || isOver) signOut('over');
  }
}

function grantOf({ token_endpoint, client_id, end_session_endpoint, session }: Client, { expires_in, refresh_token: refresh, id_token }: Token): Grant {
  const now = Date.now();
  // Without a word on it, it is the server that says when it is over.
  const life = expires_in === undefined ? Number.MAX_SAFE_INTEGER - now : 1000 * expires_in;
  const ends = now + life;
  return { ends, renewAt: refresh ? ends - Math.min(MARGIN, life / 4) : ends, refresh, session: id_token ?? session, end_session_endpoint, token_endpoint, client_id };
}

/** Ends the session at the issuer, too, which sends people back to `/` (OpenID Connect RP-Initiated Logout 1.0 §2). */
export function leave({ end_session_endpoint, session, client_id }: Grant) {
  const address = new URL(end_session_endpoint!);
  const said = { client_id, post_logout_redirect_uri: home(), ...(session && { id_token_hint: session }) };
  for (const [name, value] of Object.entries(said)) address.searchParams.set(name, value);
  location.assign(address);
}

/** The issuer said no. */
class Refused extends Error {}

async function ask({ token_endpoint, client_id }: Client, form: Record<string, string>): Promise<Token> {
  const host = hostOf(token_endpoint);
  const body = new URLSearchParams({ client_id, ...form });
  const response = await fetch(token_endpoint, { method: 'POST', body, credentials: 'omit', cache: 'no-store' }).catch(() => {
    throw new Error(texts.silent(host));
  });
  const said = (await response.json().catch(() => ({}))) as Partial<Token> & { token_type?: string; error?: string; error_description?: string };
  if (response.status >= 500 || response.status === 429) throw new Error(texts.says(host, said.error_description ?? String(response.status)));
  const isBearer = (said.token_type ?? 'bearer').toLowerCase() === 'bearer';
  if (!response.ok || !said.access_token || !isBearer) {
    throw new Refused(texts.says(host, said.error_description ?? said.error ?? String(response.status)));
  }
  return said as Token;
}
