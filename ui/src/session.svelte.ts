// The API key in use: kept for this tab only, or on this device when its owner asks for that.
const PLACE = 'fieldstone.key';
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
