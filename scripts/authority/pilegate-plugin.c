/*
 * A plugin of Mosquitto 2.0 (its plugin interface 5), for a broker that knows its clients by their certificates.
 *
 * 1. A site that publishes under a topic that is not its own is told to the cloud, at most once a second for each site. Whether it
 *    may is for the access list to say; nothing is let through here, and nobody's connection is broken off.
 * 2. The cloud sends the list of revoked certificates. It is stored, Mosquitto reads its files again, and then every connection of the
 *    sites that the cloud has named is ended, under whatever client id. The cloud is told when that is done.
 *
 * Build: cc -shared -fPIC -O2 -o pilegate-plugin.so pilegate-plugin.c
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What is used of Mosquitto's interface, so that nothing has to be installed to build this. */
struct mosquitto;
struct property;
struct option {
  char *key;
  char *value;
};
struct acl_check {
  void *reserved;
  struct mosquitto *client;
  const char *topic;
  const void *payload;
  struct property *properties;
  int access;
  uint32_t payload_length;
  uint8_t qos;
  bool retain;
  void *reserved_too[4];
};
struct control {
  void *reserved;
  struct mosquitto *client;
  const char *topic;
  const void *payload;
  const struct property *properties;
  char *reason_string;
  uint32_t payload_length;
  uint8_t qos;
  uint8_t reason_code;
  bool retain;
  void *reserved_too[4];
};
typedef int (*callback)(int event, void *data, void *user);
enum { INTERFACE_VERSION = 5, SUCCESS = 0, NO_MEMORY = 1, INVALID = 3, DEFER = 17 };
enum { RELOAD = 1, ACL_CHECK = 2, CONTROL = 6 };
enum { WRITE_ACCESS = 2, LOG_ERROR = 8 };
extern int mosquitto_callback_register(void *plugin, int event, callback function, const void *data, void *user);
extern int mosquitto_callback_unregister(void *plugin, int event, callback function, const void *data);
extern const char *mosquitto_client_username(const struct mosquitto *client);
extern int mosquitto_kick_client_by_username(const char *username, bool with_will);
extern int mosquitto_broker_publish_copy(const char *client_id, const char *topic, int length, const void *payload, int qos,
                                         bool retain, struct property *properties);
extern void mosquitto_log_printf(int level, const char *format, ...);

#define DENIED_TOPIC "pilegate/v1/broker/denied"
#define REVOKED_TOPIC "pilegate/v1/broker/revoked"
#define REVOKE_TOPIC "$CONTROL/pilegate/v1/revoke"
#define LIST_BEGINS "-----BEGIN X509 CRL-----"
#define LIST_ENDS "-----END X509 CRL-----"

/* Room for a site's id, and for who is told of in one second: whoever would be one more is told of in the next. */
enum { NAME_ROOM = 64, MOST_A_SECOND = 64 };

static void *plugin;
static char *list_file;
/* Messages of which the list is stored, each as it came, until Mosquitto has read its files. */
enum { MOST_WAITING = 64 };
static char *waiting[MOST_WAITING];
static int waiting_count;

static void publish(const char *topic, const char *text) {
  mosquitto_broker_publish_copy(NULL, topic, (int)strlen(text), text, 1, false, NULL);
}

/* pilegate/v1/<shard>/<name>/up/<kind>. The cloud's own names have a dot, and no site has. */
static bool is_own(const char *name, const char *topic) {
  static const char root[] = "pilegate/v1/";
  if (strchr(name, '.') != NULL) return true;
  if (strncmp(topic, root, sizeof root - 1) != 0) return false;
  const char *after_shard = strchr(topic + sizeof root - 1, '/');
  if (after_shard == NULL) return false;
  size_t length = strlen(name);
  if (strncmp(after_shard + 1, name, length) != 0 || strncmp(after_shard + 1 + length, "/up/", 4) != 0) return false;
  return strchr(after_shard + 1 + length + 4, '/') == NULL;
}

static bool is_told_already(const char *name) {
  static time_t second;
  static char told[MOST_A_SECOND][NAME_ROOM];
  static int count;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (now.tv_sec != second) count = 0;
  second = now.tv_sec;
  for (int i = 0; i < count; i += 1)
    if (strncmp(told[i], name, NAME_ROOM - 1) == 0) return true;
  if (count == MOST_A_SECOND) return true;
  snprintf(told[count], NAME_ROOM, "%s", name);
  count += 1;
  return false;
}

/* Sees every message that a client publishes, before the access list judges it. */
static int on_access(int event, void *data, void *user) {
  const struct acl_check *check = data;
  (void)event;
  (void)user;
  if (check->access != WRITE_ACCESS || check->client == NULL) return DEFER;
  const char *name = mosquitto_client_username(check->client);
  if (name == NULL || is_own(name, check->topic) || is_told_already(name)) return DEFER;
  char text[512];
  /* Neither of them has a line break: Mosquitto takes no control characters. */
  snprintf(text, sizeof text, "%s\n%.400s", name, check->topic);
  publish(DENIED_TOPIC, text);
  return DEFER;
}

static bool holds_already(const char *text, size_t length) {
  FILE *file = fopen(list_file, "rb");
  if (file == NULL) return false;
  char *held = malloc(length + 1);
  bool is_same = held != NULL && fread(held, 1, length + 1, file) == length && memcmp(held, text, length) == 0;
  free(held);
  fclose(file);
  return is_same;
}

/* As a whole or not at all: with half a list Mosquitto does not start. */
static bool store(const char *text, size_t length) {
  char fresh[4096];
  if (holds_already(text, length)) return true;
  if (snprintf(fresh, sizeof fresh, "%s.new", list_file) >= (int)sizeof fresh) return false;
  int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return false;
  bool is_written = write(file, text, length) == (ssize_t)length && fsync(file) == 0;
  if (close(file) != 0 || !is_written) return false;
  return rename(fresh, list_file) == 0;
}

/* First line: a number for the answer, and the names of the sites whose connections are to end. Then the list. Only the cloud may write here. */
static int on_revoke(int event, void *data, void *user) {
  const struct control *message = data;
  (void)event;
  (void)user;
  if (waiting_count == MOST_WAITING) return SUCCESS;
  char *text = malloc(message->payload_length + 1);
  if (text == NULL) return NO_MEMORY;
  memcpy(text, message->payload, message->payload_length);
  text[message->payload_length] = '\0';
  char *list = strchr(text, '\n');
  if (list == NULL || strncmp(list + 1, LIST_BEGINS, strlen(LIST_BEGINS)) != 0 || strstr(list, LIST_ENDS) == NULL) {
    mosquitto_log_printf(LOG_ERROR, "pilegate: what came is no list of revoked certificates");
    free(text);
    return SUCCESS;
  }
  *list = '\0';
  if (!store(list + 1, strlen(list + 1))) {
    mosquitto_log_printf(LOG_ERROR, "pilegate: %s cannot be written", list_file);
    free(text);
    return SUCCESS;
  }
  waiting[waiting_count] = text;
  waiting_count += 1;
  kill(getpid(), SIGHUP);
  return SUCCESS;
}

/* Mosquitto has read its files. */
static int on_reload(int event, void *data, void *user) {
  (void)event;
  (void)data;
  (void)user;
  for (int i = 0; i < waiting_count; i += 1) {
    char *rest = NULL;
    const char *number = strtok_r(waiting[i], " ", &rest);
    for (const char *name = strtok_r(NULL, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest))
      mosquitto_kick_client_by_username(name, false);
    if (number != NULL) publish(REVOKED_TOPIC, number);
    free(waiting[i]);
  }
  waiting_count = 0;
  return SUCCESS;
}

int mosquitto_plugin_version(int count, const int *versions) {
  for (int i = 0; i < count; i += 1)
    if (versions[i] == INTERFACE_VERSION) return INTERFACE_VERSION;
  return -1;
}

int mosquitto_plugin_init(void *identifier, void **user, struct option *options, int count) {
  (void)user;
  plugin = identifier;
  for (int i = 0; i < count; i += 1)
    if (strcmp(options[i].key, "revoked_file") == 0) list_file = strdup(options[i].value);
  if (list_file == NULL) {
    mosquitto_log_printf(LOG_ERROR, "pilegate: plugin_opt_revoked_file is missing");
    return INVALID;
  }
  int failed = mosquitto_callback_register(plugin, ACL_CHECK, on_access, NULL, NULL);
  if (failed == SUCCESS) failed = mosquitto_callback_register(plugin, CONTROL, on_revoke, REVOKE_TOPIC, NULL);
  if (failed == SUCCESS) failed = mosquitto_callback_register(plugin, RELOAD, on_reload, NULL, NULL);
  return failed;
}

int mosquitto_plugin_cleanup(void *user, struct option *options, int count) {
  (void)user;
  (void)options;
  (void)count;
  mosquitto_callback_unregister(plugin, ACL_CHECK, on_access, NULL);
  mosquitto_callback_unregister(plugin, CONTROL, on_revoke, REVOKE_TOPIC);
  mosquitto_callback_unregister(plugin, RELOAD, on_reload, NULL);
  free(list_file);
  list_file = NULL;
  return SUCCESS;
}
