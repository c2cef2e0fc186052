/* player_page.c: the player's page in the library. The Makefile writes player_page.text from core/watch/player/. */
#include "player_page.h"

#include "player_page.text"
