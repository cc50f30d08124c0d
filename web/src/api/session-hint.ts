/*
 * A plain yes/no in localStorage: "this browser has signed in". The refresh token is in a cookie that scripts cannot read, so without
 * the hint every visitor's first page would ask for a session that is not there. It is no secret and opens nothing.
 */
/* eslint-disable no-restricted-globals */
const name = 'skyriff.signed-in';

/** True where storage is blocked: then asking is the only way to know. */
export function hasSessionHint(): boolean {
  try {
    return localStorage.getItem(name) !== null;
  } catch {
    return true;
  }
}

export function setSessionHint(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(name, '1');
    else localStorage.removeItem(name);
  } catch {
    // Storage is blocked; hasSessionHint answers yes then.
  }
}

/** Calls back when another tab signs in or out. */
export function watchSessionHint(changed: (signedIn: boolean) => void): void {
  addEventListener('storage', (event) => {
    if (event.key === name) changed(event.newValue !== null);
  });
}
