// Light, dark or as the system says; kept on this device.
export type Theme = 'system' | 'light' | 'dark';

const PLACE = 'fieldstone.theme';
const THEMES: Theme[] = ['system', 'light', 'dark'];
const state = $state({ theme: 'system' as Theme });

export const theme = () => state.theme;

export function startTheme() {
  const kept = localStorage.getItem(PLACE);
  setTheme(THEMES.find((t) => t === kept) ?? 'system');
}

export function setTheme(next: Theme) {
  state.theme = next;
  if (next === 'system') {
    localStorage.removeItem(PLACE);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(PLACE, next);
    document.documentElement.dataset.theme = next;
  }
}

/** The theme after this one, for a button that goes round. */
export const nextTheme = (now: Theme): Theme => THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]!;
