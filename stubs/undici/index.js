/** @actions/http-client imports undici for getAgentDispatcher(), which is never called here. The real package was a third of the bundle. */
export function ProxyAgent() {
  throw new Error('undici is not part of this bundle');
}
