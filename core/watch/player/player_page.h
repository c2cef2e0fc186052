/* player_page.h: the player's page, as texts: what stands before a run, between its JSON and its numbers, and after
 * them (core/watch/player/FORMAT.md). What they are made of is in core/watch/player/. */
#ifndef TG_CORE_WATCH_PLAYER_PLAYER_PAGE_H
#define TG_CORE_WATCH_PLAYER_PLAYER_PAGE_H

extern const char tgi_player_head[];
extern const char tgi_player_between[];
extern const char tgi_player_tail[];

#endif
