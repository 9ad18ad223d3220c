interface EventRule {
  /** What has happened, for whoever writes a receiver. */
  readonly description: string;
  /** An endpoint without a list of types gets all but these: there are many of them. */
  readonly onlyByName?: true;
}

/** Everything a partner can be told of. The names are public: they are added, never renamed. */
export const eventCatalogue = {
  'charge.started': { description: 'Energy may flow: the start was confirmed by the pile.' },
  'charge.start_failed': { description: 'A start came to nothing; nothing is billed.' },
  'charge.stop_failed': { description: 'A stop that you have asked for came to nothing; the operation says why.' },
  'charge.ended': { description: 'A charge is over, with its record and its bill.' },
  'charge.settled': {
    description:
      'A person has looked at an order that nobody could bill, or its stay, and says in `amount_due` what is paid for it.',
  },
  'occupancy.ended': { description: 'The vehicle is gone, and what its stay costs is settled.' },
  'station.hours_changed': { description: 'A station that you may use is open at other hours.' },
  'station.maintenance_planned': {
    description: 'Nothing will be started at a station, or some of its connectors, for a time.',
  },
  'station.maintenance_changed': { description: 'Planned maintenance is at another time, or of other connectors.' },
  'station.maintenance_cancelled': { description: 'Planned maintenance does not take place, or is over sooner.' },
  'credit.low': { description: 'What is left of your credit has fallen below a mark that was agreed.' },
  'connector.status_changed': {
    description: 'The status of a connector is another one now, or nothing fresh is known of it any more.',
    onlyByName: true,
  },
  'reservation.active': { description: 'The site holds the connector for you.' },
  'reservation.ended': {
    description: 'A reservation is over, or was never held; its state says which, and its fee is settled.',
  },
  'webhook.test': { description: 'Asked for by yourself, to see that your receiver works.' },
  'webhook.endpoint_disabled': { description: 'Another endpoint of yours is no longer sent to, and why.' },
} as const satisfies Record<string, EventRule>;

export type EventType = keyof typeof eventCatalogue;

const isEventType = (name: string): name is EventType => Object.hasOwn(eventCatalogue, name);
export const eventTypes: readonly EventType[] = Object.keys(eventCatalogue).filter(isEventType);

export const ruleOfEvent = (type: EventType): EventRule => eventCatalogue[type];

/**
 * Whether an endpoint gets events of a type.
 *
 * @param chosen the endpoint's own list; null: it has none
 */
export const isWanted = (type: EventType, chosen: readonly string[] | null): boolean =>
  chosen === null ? ruleOfEvent(type).onlyByName !== true : chosen.includes(type);
