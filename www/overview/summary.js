/** The state of all cameras, for the bar. */

/**
 * @param {{ cameras: number, offline: number }} count
 * @param {boolean} answers whether the service answers
 * @returns {{ state: 'live' | 'offline' | 'lost' | 'connecting', text: string }}
 */
export function summary({ cameras, offline }, answers) {
  if (!answers) return { state: 'lost', text: 'Reconnecting…' };
  if (cameras === 0) return { state: 'connecting', text: 'Connecting…' };
  const number = cameras === 1 ? '1 camera' : `${cameras} cameras`;
  if (offline === 0) return { state: 'live', text: `${number}, all online` };
  return { state: 'offline', text: `${number}, ${offline} offline` };
}
