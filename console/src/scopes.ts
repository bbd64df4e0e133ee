// What whoever is signed in may do, so that what would be refused is not offered. The gateway decides; this only looks ahead.

let known: string[] = [];

export function learnScopes(scopes: string[]): void {
  known = scopes;
}

/** As the gateway reads scopes: a name, or the beginning of one and "*". */
function fits(pattern: string, name: string): boolean {
  return pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/** Without an object: whether there is any that they may do it to. */
export function may(action: string, object?: string): boolean {
  return known.some((scope) => {
    const [name = "", ...rest] = scope.split(":");
    return fits(name, action) && (object === undefined || fits(rest.length ? rest.join(":") : "*", object));
  });
}
