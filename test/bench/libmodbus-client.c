/* Reads ten registers again and again with libmodbus; prints the reads per second. Arguments: port, reads. */
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REGISTERS = 10, WARM_UP = 200 };

static int read_many(modbus_t *client, int reads) {
  uint16_t words[REGISTERS];
  for (int i = 0; i < reads; i += 1)
    if (modbus_read_registers(client, 100, REGISTERS, words) != REGISTERS) return -1;
  return 0;
}

int main(int argc, char **argv) {
  struct timespec from, to;
  if (argc != 3) return 2;
  int reads = atoi(argv[2]);
  modbus_t *client = modbus_new_tcp("127.0.0.1", atoi(argv[1]));
  if (client == NULL || modbus_set_slave(client, 1) != 0 || modbus_connect(client) != 0) return 1;
  if (read_many(client, WARM_UP) != 0) return 1;
  clock_gettime(CLOCK_MONOTONIC, &from);
  if (read_many(client, reads) != 0) return 1;
  clock_gettime(CLOCK_MONOTONIC, &to);
  printf("%f\n", reads / ((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9));
  modbus_close(client);
  modbus_free(client);
  return 0;
}
