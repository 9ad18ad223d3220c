import { DocumentDoor, type DoorParts } from '../documents/document-door.ts';
import type { PlannedSite } from '../planner/checked-site.ts';
import type { BegunSite } from './begin-site.ts';
import { SiteChange, type SiteChangeParts } from './site-change.ts';

interface RunningSiteParts extends DoorParts, Omit<SiteChangeParts, 'running' | 'read' | 'door'> {
  readonly begun: Pick<BegunSite, 'reader' | 'checked' | 'version' | 'isTrial'>;
}

/** The configuration's door in a process that runs with one, and what applies what comes in by it. */
export function runningSite(parts: RunningSiteParts): {
  readonly door: DocumentDoor<PlannedSite>;
  readonly change: SiteChange;
} {
  const { reader, checked, version, isTrial } = parts.begun;
  const door: DocumentDoor<PlannedSite> = new DocumentDoor({
    ...parts,
    kind: 'site',
    reader,
    staging: {
      closedBecause: () => change.closedBecause(),
      waitsBecause: (planned) => change.waitsBecause(planned),
    },
    onActive: () => {},
  });
  const change: SiteChange = new SiteChange({
    ...parts,
    running: { version, site: checked.site, isTrial },
    read: reader.read,
    door,
  });
  return { door, change };
}
