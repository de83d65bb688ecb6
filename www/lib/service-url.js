/**
 * The address of a path of the service, such as `api/doctor`. It is resolved from the address of this module, so that it
 * is right on the page of each camera and behind any path prefix.
 * @param {string} path relative to the root of the service
 */
export const serviceUrl = (path) => new URL(`../${path}`, import.meta.url).href;
