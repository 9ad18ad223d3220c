import { plainText } from '../staff/plain-text.ts';
import type { Step, Trace } from './merge.ts';

/** A story as people read it. */
export function readableTrace(requestId: string, traces: readonly Trace[]): string {
  if (traces.length === 0)
    return `Nothing is known of request ${requestId}. One that was refused leaves nothing: look for it on the log of the cloud.\n`;
  return traces.map((trace) => oneTrace(requestId, trace)).join('\n');
}

function oneTrace(requestId: string, trace: Trace): string {
  const { partner_id, environment, connector_id, site_id, order_id, session_id } = trace;
  const head = [
    `Request ${requestId} of partner ${partner_id ?? '-'} (${environment})`,
    `  connector ${connector_id ?? '-'} at site ${site_id ?? '-'}, order ${order_id ?? '-'}, session ${session_id ?? '-'}`,
  ];
  const lines = trace.steps.map((step) => lineOf(step));
  const missing =
    trace.missing.length === 0 ? ['Nothing is missing.'] : trace.missing.map((what) => `Missing: ${what}`);
  return `${[...head, ...lines, ...missing].join('\n')}\n`;
}

function lineOf({ at, source, what, request_id, detail }: Step): string {
  const facts = Object.entries(detail)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${textOf(value)}`);
  const whose = request_id === null ? '' : ` [${request_id}]`;
  return `  ${at}  ${source.padEnd(8)} ${plainText(what)}${whose}${facts.length === 0 ? '' : `  ${facts.join(' ')}`}`;
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  return plainText(typeof value === 'string' ? value : JSON.stringify(value));
}
