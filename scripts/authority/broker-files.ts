import { BROKER_SAYS, REVOKE_TOPIC } from '../../cloud/broker/broker-topics.ts';

/** The name that the cloud's own certificate gives it. No site can have it: site ids have no dot. */
export const CLOUD_NAME = 'pilegate.cloud';

export const PLUGIN = 'pilegate-plugin';

/** Who may say and hear what at the broker. `%u` is the name in the client's certificate: the site's id. */
export const ACCESS_FILE = `# The cloud.
user ${CLOUD_NAME}
topic read pilegate/v1/+/+/up/+
topic write pilegate/v1/+/+/down/+
topic readwrite pilegate/v1/probe/+
topic read ${BROKER_SAYS}
topic write ${REVOKE_TOPIC}

# Every site, under its own name alone. Which shard it may use, the cloud checks.
pattern write pilegate/v1/+/%u/up/+
pattern read pilegate/v1/+/%u/down/+
`;

export interface BrokerPlaces {
  /** Folder with authority.crt, revoked.crl, broker.crt, broker.key, access.acl, and the plugin. */
  readonly folder: string;
  readonly port: number;
  /** Null: every address. */
  readonly address: string | null;
  readonly pidFile: string | null;
  /** Without it the cloud is not told of what the access list refuses, and can end no connection. */
  readonly hasPlugin: boolean;
}

/** Mosquitto 2.0: nobody comes in without a certificate of the authority, and that says who he is. */
export const mosquittoConfig = ({
  folder,
  port,
  address,
  pidFile,
  hasPlugin,
}: BrokerPlaces): string => `per_listener_settings false
listener ${port}${address === null ? '' : ` ${address}`}
allow_anonymous false
cafile ${folder}/authority.crt
crlfile ${folder}/revoked.crl
certfile ${folder}/broker.crt
keyfile ${folder}/broker.key
require_certificate true
use_identity_as_username true
tls_version tlsv1.2
acl_file ${folder}/access.acl
persistence false
set_tcp_nodelay true
max_packet_size 2097152
${pidFile === null ? '' : `pid_file ${pidFile}\n`}${hasPlugin ? pluginConfig(folder) : ''}`;

const pluginConfig = (folder: string) => `plugin ${folder}/${PLUGIN}.so
plugin_opt_revoked_file ${folder}/revoked.crl
`;
