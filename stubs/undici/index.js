/** Imported by @actions/http-client for getAgentDispatcher(), which nothing here calls; the real one was a third of the bundle. */
export function ProxyAgent() {
  throw new Error('undici is not part of this bundle');
}
