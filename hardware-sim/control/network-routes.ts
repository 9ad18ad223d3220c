import { z } from 'zod';
import { houseLoadSchema } from '../network/house-load.ts';
import type { Network } from '../network/network.ts';
import { limitASchema } from '../network/network-settings.ts';
import type { StationWorld } from '../world.ts';
import { type Answer, notFound, withBody } from './answer.ts';
import type { Call } from './routes.ts';

const limitSchema = z.strictObject({ limitA: limitASchema });

/** Answers one control call about the site's electrical network. */
export function networkRoute({ network }: StationWorld, { method, path, body }: Call): Answer {
  if (network === undefined) return notFound('network at this station');
  const [, id = '', part] = path;
  switch (`${method} ${path.length}`) {
    case 'GET 1':
      return { status: 200, body: { nodes: network.truth() } };
    case 'GET 2':
      return oneNode(network, id);
    case 'GET 3':
      return id === 'changes' && /^\d{1,9}$/.test(part ?? '')
        ? { status: 200, body: network.changes.since(Number(part)) }
        : notFound(`route ${method} /${path.join('/')}`);
    case 'PUT 3':
      return put(network, id, part, body);
    default:
      return notFound(`route ${method} /${path.join('/')}`);
  }
}

function put(network: Network, nodeId: string, part: string | undefined, body: unknown): Answer {
  const answer = (isThere: boolean): Answer => (isThere ? oneNode(network, nodeId) : notFound(`node ${nodeId}`));
  if (part === 'load') return withBody(houseLoadSchema, body, (load) => answer(network.setLoad(nodeId, load)));
  if (part === 'limit') return withBody(limitSchema, body, ({ limitA }) => answer(network.setLimit(nodeId, limitA)));
  return notFound(`route PUT /network/:id/${part}`);
}

function oneNode(network: Network, nodeId: string): Answer {
  const node = network.truth().find((one) => one.nodeId === nodeId);
  return node === undefined ? notFound(`node ${nodeId}`) : { status: 200, body: node };
}
