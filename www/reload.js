/**
 * Loads the page again when part of it was lost on its way, as when a phone changes networks just then: without one
 * of its modules none of it runs. No module itself, so that it is there before they are asked for.
 */

const PATIENCE = 2000; // milliseconds; a network that changes needs about one

addEventListener(
  'error',
  ({ target }) => {
    if (target instanceof HTMLScriptElement || (target instanceof HTMLLinkElement && target.rel === 'stylesheet')) {
      setTimeout(() => location.reload(), PATIENCE);
    }
  },
  true, // such errors do not bubble
);
