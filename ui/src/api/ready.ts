// Before a request: a token of an issuer that is about to end is renewed first.
import { grant } from '../session.svelte';

let renewing: Promise<void> | undefined;

/** Resolves once the key may be used; nobody may be signed in any more then. */
export async function ready(): Promise<void> {
  const now = grant();
  if (!now || Date.now() < now.renewAt) return;
  renewing ??= import('./issuer').then(({ renew }) => renew(now)).finally(() => (renewing = undefined));
  await renewing;
}
