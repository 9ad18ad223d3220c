import type { FastifyInstance } from 'fastify';
import type { StaffAction } from './actions.ts';
import type { Permission } from './roles.ts';

export interface StaffRoute {
  readonly method: string;
  /** With a colon before the name of each place. */
  readonly path: string;
  /** `none`: anybody may try. */
  readonly permission: Permission | 'none';
  /** Null: it only reads, and leaves no trace. */
  readonly action: StaffAction | null;
}

/**
 * Keeps the routes of the staff as they are registered, the last one registered last.
 *
 * @throws Error at the registration of a route that names no permission, or that changes something under no name: nobody can open a door by forgetting it
 */
export function tableOfStaffRoutes(app: FastifyInstance): readonly StaffRoute[] {
  const table: StaffRoute[] = [];
  app.addHook('onRoute', ({ method: methods, url: path, config }) => {
    if (!path.startsWith('/staff/')) return;
    for (const method of [methods].flat()) {
      if (method === 'HEAD') continue;
      const { staffPermission: permission, staffAction: action = null } = config ?? {};
      if (permission === undefined || (method !== 'GET' && action === null))
        throw new Error(`${method} ${path} does not say who may do what there`);
      table.push({ method, path, permission, action });
    }
  });
  return table;
}
