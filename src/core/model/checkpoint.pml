/*
 * Checkpoints (PROTOCOL.md sections 3, 10): a walk that starts at one is the walk from the start.
 *
 * The store holds whatever rivals may have left in it: at each position any claim, or any batch of
 * any epoch that names any earlier position. A node that has walked a prefix writes its state into
 * a manifest, with a floor up to there; what lies below the floor is deleted; a newcomer starts
 * with the manifest that it has read.
 */

#ifndef EPOCHS
#define EPOCHS 3        /* at most 3: the terms 1, 2, 2 */
#endif
#ifndef POSITIONS
#define POSITIONS 5     /* at most 7 */
#endif

#include "common.pml"

#define ABSENT 0
#define CLAIM(epoch) (((epoch) + 1) << 4 | 8)
#define BATCH(epoch, previous) (((epoch) + 1) << 4 | (previous))
#define OWNER(segment) (((segment) >> 4) - 1)
#define IS_CLAIM(segment) (((segment) & 8) != 0)
#define PREVIOUS(segment) ((segment) & 7)
#define TERM(epoch) ((epoch) == 0 -> 1 : 2)

byte store[POSITIONS];

/* The state of a walk: whose claims and batches count next (E, P), and the next index (N - 1). */
#define WALKS 3
#define FULL 0          /* a node that began at the start */
#define SAVED 1         /* the checkpoint of the greatest manifest */
#define NEWCOMER 2      /* a node that began with that */
byte tail[WALKS];
byte current[WALKS];    /* 1 + the epoch; 0 before the first claim */
byte term[WALKS];
byte last[WALKS];
byte count[WALKS];
byte valid[WALKS];      /* the positions that it found valid, as bits */
byte floor;
bit started;
byte startedAt;

byte i, s;              /* of single steps */
#define DONE i = 0; s = 0

inline pass(walk) {
    s = store[tail[walk]];
    if
    :: IS_CLAIM(s) && TERM(OWNER(s)) > term[walk] ->
        current[walk] = OWNER(s) + 1;
        term[walk] = TERM(OWNER(s));
        last[walk] = tail[walk];
        valid[walk] = valid[walk] | BIT(tail[walk])
    :: !IS_CLAIM(s) && OWNER(s) + 1 == current[walk] && PREVIOUS(s) == last[walk] ->
        count[walk]++;
        last[walk] = tail[walk];
        valid[walk] = valid[walk] | BIT(tail[walk])
    :: else
    fi;
    tail[walk]++
}

inline copy(from, to) {
    tail[to] = tail[from];
#ifndef NO_EPOCH
    current[to] = current[from];
#endif
#ifndef NO_TERM
    term[to] = term[from];
#endif
#ifndef NO_LAST
    last[to] = last[from];
#endif
#ifndef NO_COUNT
    count[to] = count[from]
#else
    skip
#endif
}

inline compare() {
    if
    :: tail[NEWCOMER] == tail[FULL] ->
        /* The same segments count, and have the same indexes. */
        HOLDS("a walk from a checkpoint is the walk from the start",
            valid[NEWCOMER] == (valid[FULL] >> startedAt) << startedAt
            && (!(valid[FULL] >> startedAt) || count[NEWCOMER] == count[FULL]))
    :: else
    fi
}

active proctype Rivals() {
    do
    :: atomic {
        tail[FULL] < POSITIONS ->
        i = tail[FULL];
        if
        :: store[i] = CLAIM(0)
        :: store[i] = CLAIM(1)
#if EPOCHS > 2
        :: store[i] = CLAIM(2)
#endif
        :: i > 0 -> store[i] = BATCH(0, 0)
        :: i > 1 -> store[i] = BATCH(0, 1)
        :: i > 2 -> store[i] = BATCH(0, 2)
        :: i > 3 -> store[i] = BATCH(0, 3)
        :: i > 4 -> store[i] = BATCH(0, 4)
        :: i > 0 -> store[i] = BATCH(1, 0)
        :: i > 1 -> store[i] = BATCH(1, 1)
        :: i > 2 -> store[i] = BATCH(1, 2)
        :: i > 3 -> store[i] = BATCH(1, 3)
        :: i > 4 -> store[i] = BATCH(1, 4)
#if EPOCHS > 2
        :: i > 0 -> store[i] = BATCH(2, 0)
        :: i > 1 -> store[i] = BATCH(2, 1)
        :: i > 2 -> store[i] = BATCH(2, 2)
        :: i > 3 -> store[i] = BATCH(2, 3)
        :: i > 4 -> store[i] = BATCH(2, 4)
#endif
        fi;
        d_step {
            printf("%d holds a %d of epoch %d (8: a claim; else a batch that names it)\n", i,
                store[i] & 15, OWNER(store[i]));
            pass(FULL);
            DONE } }
    od
}

/* The floor is at most where the manifest's checkpoint is: else nobody could start there. */
#ifdef WRONG_FLOOR_PAST_CHECKPOINT
#define FLOOR_MOST tail[FULL]
#else
#define FLOOR_MOST tail[SAVED]
#endif

active proctype Writer() {
    do
    :: d_step { tail[SAVED] < tail[FULL] && !started ->
        copy(FULL, SAVED);
        printf("a manifest has a checkpoint at %d\n", tail[SAVED]) }
    :: d_step { floor < FLOOR_MOST && !started ->
        store[floor] = ABSENT;
        floor++;
        printf("the floor is %d, and what lies below is deleted\n", floor) }
    od
}

active proctype Newcomer() {
    do
    :: d_step { !started ->
        started = true;
#ifdef WRONG_WALK_FROM_FLOOR
        tail[NEWCOMER] = floor;
#else
        copy(SAVED, NEWCOMER);
        tail[NEWCOMER] = (floor > tail[SAVED] -> floor : tail[SAVED]);
#endif
        startedAt = tail[NEWCOMER];
        printf("a newcomer starts at %d\n", tail[NEWCOMER]);
        compare() }
    :: d_step { started && tail[NEWCOMER] < tail[FULL] -> pass(NEWCOMER); compare(); DONE }
    od
}
