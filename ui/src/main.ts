// Lets the page's frame be painted, and then starts the app in its place.
import { mount } from 'svelte';
import './style/base.css';
import App from './App.svelte';
import { startTheme } from './theme.svelte';

startTheme();
const target = document.getElementById('app')!;
/** After the next painting; in a window that is not seen there is none. */
const painted = new Promise<void>((done) => {
  requestAnimationFrame(() => setTimeout(done));
  setTimeout(done, 100);
});
void painted.then(() => {
  target.replaceChildren();
  mount(App, { target });
});
