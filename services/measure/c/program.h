// What the programs of this folder have as programs: messages, settings, random numbers. Included once per program (bench-limit.c, ring-limit.c), before
// the other headers. The caller declares `program` (its name, for messages).
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noreturn)) static void die(const char *what, int error) {
  fprintf(stderr, "%s: %s: %s\n", program, what, strerror(error));
  exit(1);
}

static const char *setting(int argc, char **argv, const char *name, const char *fallback) {
  size_t length = strlen(name);
  for (int i = 1; i < argc; i++)
    if (!strncmp(argv[i], name, length) && argv[i][length] == '=') return argv[i] + length + 1;
  return fallback;
}

static uint32_t next_random(uint32_t *state) {  // xorshift, as positions.ts
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}
