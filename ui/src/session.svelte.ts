// The API key in use: kept for this tab only, or on this device when its owner asks for that.
const PLACE = 'fieldstone.key';
takeOver();
const state = $state({ key: sessionStorage.getItem(PLACE) ?? localStorage.getItem(PLACE), refused: false });

/** The key, or null while nobody is signed in. */
export const key = () => state.key;
/** Whether the server refused the last key in the middle of work. */
export const wasRefused = () => state.refused;

export function signIn(key: string, keep: boolean) {
  (keep ? localStorage : sessionStorage).setItem(PLACE, key);
  state.key = key;
  state.refused = false;
}

export function signOut(refused = false) {
  sessionStorage.removeItem(PLACE);
  localStorage.removeItem(PLACE);
  state.key = null;
  state.refused = refused;
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
