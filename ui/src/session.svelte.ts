// Who is signed in: by an API key, kept for this tab only or on this device when its owner asks for that, or by a token of an issuer, kept for
// this tab together with what it takes to go on when it ends.
const PLACE = 'fieldstone.key';
const GRANT = 'fieldstone.grant';
/** Who has signed out of an issuer on this device is not signed in there again without being asked. */
const LEFT = 'fieldstone.left';

/** How an issuer's token goes on: moments in ms. */
export interface Grant {
  ends: number;
  renewAt: number;
  refresh?: string;
  /** What the issuer knows the session by, and where it ends it; without one of its own it does not. */
  session?: string;
  end_session_endpoint?: string | null;
  token_endpoint: string;
  client_id: string;
}

/** Why somebody is signed out who did not ask for it: the server refused the key, or the token of an issuer is over. */
type Why = '' | 'refused' | 'over';

takeOver();
let back = takeReturn();
let held = JSON.parse(sessionStorage.getItem(GRANT) ?? 'null') as Grant | null;
const state = $state({ key: sessionStorage.getItem(PLACE) ?? localStorage.getItem(PLACE), why: '' as Why });

/** The key, or null while nobody is signed in. */
export const key = () => state.key;
export const grant = () => held;
export const whyOut = () => state.why;
export const hasLeft = () => localStorage.getItem(LEFT) !== null;

export function signIn(key: string, keep: boolean, grant: Grant | null = null) {
  (keep ? localStorage : sessionStorage).setItem(PLACE, key);
  if (grant) {
    sessionStorage.setItem(GRANT, JSON.stringify(grant));
    localStorage.removeItem(LEFT);
  }
  held = grant;
  state.key = key;
  state.why = '';
}

export function signOut(why: Why = '') {
  if (!state.key) return;
  if (held && !why) localStorage.setItem(LEFT, 'yes');
  state.why = why && held ? 'over' : why;
  sessionStorage.removeItem(PLACE);
  sessionStorage.removeItem(GRANT);
  localStorage.removeItem(PLACE);
  held = null;
  state.key = null;
}

/** What an issuer sent somebody back with, once. */
export function takeBack(): URLSearchParams | null {
  const taken = back;
  back = null;
  return taken;
}

/**
 * The link that `fieldstone view` opens brings the key to its own server: it is kept for this tab and leaves the address at once. Only
 * a server on this machine takes one so: elsewhere a link could sign somebody in as somebody else.
 */
function takeOver() {
  const parts = location.hash.replace(/^#/, '').split('&');
  const brought = parts.find((part) => part.startsWith('key='));
  if (!brought) return;
  const rest = parts.filter((part) => part !== brought).join('&');
  history.replaceState(null, '', location.pathname + location.search + (rest && '#' + rest));
  if (['127.0.0.1', 'localhost', '[::1]'].includes(location.hostname)) sessionStorage.setItem(PLACE, brought.slice(4));
}

/** An issuer sends people back to `/` with a code or an error (RFC 6749 §4.1.2), which leave the address at once. */
function takeReturn(): URLSearchParams | null {
  const said = new URLSearchParams(location.search);
  if (location.pathname !== '/' || !said.has('state') || !(said.has('code') || said.has('error'))) return null;
  history.replaceState(null, '', '/');
  return said;
}
