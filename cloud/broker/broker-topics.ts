/** What the plugin of Mosquitto tells the cloud. Sites may not write it. */
export const BROKER_SAYS = 'pilegate/v1/broker/+';

/** A site has published under a topic that is not its own: the name in its certificate, a line break, and the topic. */
export const DENIED_TOPIC = 'pilegate/v1/broker/denied';

/** A list of revoked certificates is in force, and the connections named with it are ended: the number that came with it. */
export const REVOKED_TOPIC = 'pilegate/v1/broker/revoked';

/** Where the plugin takes such a list: a line with a number and the names of sites, then the list. */
export const REVOKE_TOPIC = '$CONTROL/pilegate/v1/revoke';
