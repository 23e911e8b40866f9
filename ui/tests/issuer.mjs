// An OpenID issuer for one person, Ida, on a free port of this machine: it asks, gives codes for PKCE with S256 and rotates refresh tokens.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer } from 'node:http';

const base64url = (value) => Buffer.from(typeof value === 'object' && !Buffer.isBuffer(value) ? JSON.stringify(value) : value).toString('base64url');

/** What it was asked stands in `asked`, each form that came for tokens in `forms`, what came to end a session in `left`; `gives` changes claims and answers from then on. */
export async function startIssuer() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = { asked: [], forms: [], left: [], endsSessions: false, gives: { claims: {}, answer: {} }, isDown: false, client: 'the-app' };
  const codes = new Map();
  const refreshes = new Map();
  const paths = {
    '/.well-known/openid-configuration': () => ({
      issuer: issuer.url, jwks_uri: issuer.url + 'keys', authorization_endpoint: issuer.url + 'authorize', token_endpoint: issuer.url + 'token',
      code_challenge_methods_supported: ['S256'],
      ...(issuer.endsSessions && { end_session_endpoint: issuer.url + 'logout?tenant=1' }),
    }),
    '/keys': () => ({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', alg: 'ES256' }] }),
  };

  issuer.token = (asked, claims = {}) => {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: issuer.url, sub: 'ida', aud: asked.audience, scope: asked.scope, iat: now, exp: now + 3600, ...issuer.gives.claims, ...claims };
    const signed = `${base64url({ alg: 'ES256', typ: 'JWT', kid: 'one' })}.${base64url(all)}`;
    return `${signed}.${base64url(sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }))}`;
  };

  /** A page with two links; of what cannot be answered to the app, a page that says so. */
  function authorize(asked) {
    issuer.asked.push(asked);
    const isApp = asked.client_id === issuer.client && asked.redirect_uri === issuer.redirect;
    if (!isApp || asked.response_type !== 'code' || asked.code_challenge_method !== 'S256') return `<p>wrong: ${JSON.stringify(asked)}`;
    const code = randomBytes(16).toString('hex');
    codes.set(code, asked);
    const back = (said) => `${asked.redirect_uri}?${new URLSearchParams({ ...said, state: asked.state, iss: issuer.url })}`;
    return `<!doctype html><title>Issuer</title><a href="${back({ code })}">Allow</a> <a href="${back({ error: 'access_denied' })}">Deny</a>`;
  }

  function give(form) {
    issuer.forms.push(form);
    if (form.client_id !== issuer.client) return { error: 'invalid_client' };
    const isCode = form.grant_type === 'authorization_code';
    const [from, name] = isCode ? [codes, form.code] : [refreshes, form.refresh_token];
    const asked = from.get(name);
    // Each counts once.
    from.delete(name);
    const proven = !isCode || (asked?.code_challenge === createHash('sha256').update(form.code_verifier ?? '').digest('base64url') && asked.redirect_uri === form.redirect_uri);
    if (!asked || !proven) return { error: 'invalid_grant', error_description: 'it is unknown, or was used' };
    const refresh = randomBytes(16).toString('hex');
    refreshes.set(refresh, asked);
    return { access_token: issuer.token(asked), token_type: 'Bearer', expires_in: 3600, refresh_token: refresh, id_token: 'of-ida', ...issuer.gives.answer };
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url, issuer.url);
    const send = (status, type, body) => {
      response.writeHead(status, { 'content-type': type, 'access-control-allow-origin': '*' });
      response.end(body);
    };
    if (issuer.isDown) return send(503, 'text/plain', 'away');
    if (url.pathname === '/authorize') return send(200, 'text/html', authorize(Object.fromEntries(url.searchParams)));
    if (url.pathname === '/token' && request.method === 'POST') {
      let text = '';
      for await (const piece of request) text += piece;
      const said = give(Object.fromEntries(new URLSearchParams(text)));
      return send(said.error ? 400 : 200, 'application/json', JSON.stringify(said));
    }
    if (url.pathname === '/logout') {
      const asked = Object.fromEntries(url.searchParams);
      issuer.left.push(asked);
      return send(200, 'text/html', `<!doctype html><title>Issuer</title><a href="${asked.post_logout_redirect_uri}">Back</a>`);
    }
    const found = paths[url.pathname];
    return found ? send(200, 'application/json', JSON.stringify(found())) : send(404, 'text/plain', '');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  issuer.url = `http://127.0.0.1:${server.address().port}/`;
  issuer.end = () => {
    server.closeAllConnections();
    server.close();
  };
  return issuer;
}
