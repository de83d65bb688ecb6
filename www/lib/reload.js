/**
 * Reloads the page if a script or style sheet failed to load, for example while a phone changed networks. If one module
 * is missing, no module runs. This script is no module, so that it runs before the modules are requested.
 */

{
  // A network change takes about 1 s. If a reload did not help, the next one waits longer, so that many pages that
  // could not load do not keep a busy service busy.
  const [navigation] = performance.getEntriesByType('navigation');
  const reloaded = navigation instanceof PerformanceNavigationTiming && navigation.type === 'reload';
  const delayMs = reloaded ? 15_000 : 2000;

  addEventListener(
    'error',
    ({ target }) => {
      if (target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && target.rel === 'stylesheet')) {
        setTimeout(() => location.reload(), delayMs);
      }
    },
    true, // load errors do not bubble
  );
}
