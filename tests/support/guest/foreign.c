/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine of another architecture runs: says which one that is, echoes its input, and
   leaves a file. Static, compiled for the guest. */
#include <stdio.h>
#include <sys/utsname.h>

int main(int argc, char** argv) {
  struct utsname names;
  char line[64] = "";
  FILE* file = fopen("/kept", "w");
  if (uname(&names) != 0 || file == NULL || fgets(line, sizeof line, stdin) == NULL) return 1;
  fprintf(file, "%d\n", argc);
  if (fclose(file) != 0) return 2;
  printf("%s %s %s", names.machine, argv[argc - 1], line);
  return 7;
}
