/** What an alarm is about: the smallest thing that it names. */
export interface AlarmSubject {
  readonly kind: 'connector' | 'pile' | 'site' | 'partner' | 'platform' | string;
  readonly id: string;
}

interface AboutSomething {
  readonly site_id: string | null;
  readonly pile_id: string | null;
  readonly connector_id: string | null;
  readonly partner_id: string | null;
  /** `kind/id`, where it is none of the above. */
  readonly about: string | null;
}

/**
 * Piles are named by their sites, so their ids mean something only together. So do those of connectors that are not of the site: what it
 * says of them is kept apart from what is known of theirs.
 *
 * @param isOwn whether a connector that it names is of the site that it names
 */
export function subjectOf(alarm: AboutSomething, isOwn = true): AlarmSubject {
  if (alarm.connector_id !== null)
    return { kind: 'connector', id: isOwn ? alarm.connector_id : `${alarm.site_id}/${alarm.connector_id}` };
  if (alarm.pile_id !== null) return { kind: 'pile', id: `${alarm.site_id ?? ''}/${alarm.pile_id}` };
  if (alarm.about !== null) {
    const [kind = '', ...rest] = alarm.about.split('/');
    return { kind, id: rest.join('/') };
  }
  if (alarm.site_id !== null) return { kind: 'site', id: alarm.site_id };
  if (alarm.partner_id !== null) return { kind: 'partner', id: alarm.partner_id };
  return { kind: 'platform', id: 'cloud' };
}

/** Alarms with the same key belong together. */
export const alertKeyOf = (code: string, { kind, id }: AlarmSubject): string => `${code} ${kind}/${id}`;
