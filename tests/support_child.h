/* A part of a test in a process of its own, as an ordinary user where root would see no refusal. */
#ifndef SUPPORT_CHILD_H
#define SUPPORT_CHILD_H

#include <stdbool.h>

/* Runs `inside` in a child, as nobody when told and we are root; returns what it returned. A child
 * neither cleans up nor reports for the test. */
int in_child(int (*inside)(void), bool as_nobody);
#endif
