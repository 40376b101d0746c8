/** Makes the app installable and readable without a network, once the first view is there and the phone has time. */
export function registerServiceWorker(): void {
  // On plain HTTP, and in old or private browsers, there is none: everything else works as before.
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const register = () => void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
  if (document.readyState === "complete") register();
  else addEventListener("load", register, { once: true });
}
