import https from 'node:https';

/**
 * The one agent of all clients: kept alive, and honouring HTTPS_PROXY and NO_PROXY in both spellings.
 * `proxyEnv` is Node's own (https://nodejs.org/api/http.html#built-in-proxy-support, since 24.5).
 */
export function openAgent(environment: NodeJS.ProcessEnv): https.Agent {
  return new https.Agent({
    keepAlive: true,
    keepAliveMsecs: 30_000,
    // For a tunnel through a proxy that never answers, and for connections that nobody uses.
    timeout: 30_000,
    scheduling: 'lifo',
    proxyEnv: environment,
  });
}
