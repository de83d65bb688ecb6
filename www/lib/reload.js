/**
 * Loads the page again when part of it was lost on its way, as when a phone changes networks just then: without one
 * of its modules none of it runs. No module itself, so that it is there before they are asked for.
 */

{
  // Milliseconds: a network that changes needs about one second. What one reload did not help is tried seldom, lest
  // many pages that were refused a part keep a busy service busy.
  const [navigation] = performance.getEntriesByType('navigation');
  const again = navigation instanceof PerformanceNavigationTiming && navigation.type === 'reload';
  const patience = again ? 15000 : 2000;

  addEventListener(
    'error',
    ({ target }) => {
      if (target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && target.rel === 'stylesheet')) {
        setTimeout(() => location.reload(), patience);
      }
    },
    true, // such errors do not bubble
  );
}
