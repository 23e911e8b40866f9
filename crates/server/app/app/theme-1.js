// The theme that is kept on this device, before anything is painted (src/theme.svelte.ts keeps it). Browsers never ask for a file of this folder again: what is changed
// gets another name.
{
  const kept = localStorage.getItem('fieldstone.theme');
  if (kept === 'light' || kept === 'dark') document.documentElement.dataset.theme = kept;
}
