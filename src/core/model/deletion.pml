/*
 * Deleting, and the ghosts that it leaves (PROTOCOL.md section 9).
 *
 * Writers claim and append as in commit.pml, readers only walk. Below the floor names are freed,
 * and a create of a freed name succeeds. Everybody may sleep between any two steps. An answer is
 * processed in the step in which the store gives it, which is the worst case (see the README).
 */

#ifndef WRITERS
#define WRITERS 2       /* at most 3: epochs of the terms 1, 2, 3 */
#endif
#ifndef READERS
#define READERS 1
#endif
#ifndef POSITIONS
#define POSITIONS 4     /* at most 5 */
#endif
#ifndef BATCHES
#define BATCHES 1       /* that each writer wants to append; at most 3 */
#endif
#ifndef WINDOW
#define WINDOW 2
#endif
#ifndef GRACE
#define GRACE 4         /* G, in units of time */
#endif
#ifndef FRESH
#define FRESH (GRACE / 2)
#endif

#include "common.pml"
#include "deletion-rules.pml"

#define ABSENT 0
#define CLAIM(writer) (((writer) + 1) << 5)
#define BATCH(writer, previous, number) (CLAIM(writer) | (previous) << 2 | (number))
#define OWNER(segment) (((segment) >> 5) - 1)
#define PREVIOUS(segment) (((segment) >> 2) & 7)
#define NUMBER(segment) ((segment) & 3)
#define IS_CLAIM(segment) (NUMBER(segment) == 0)
#define TERM(writer) ((writer) + 1)
#define AT(node, position) ((node) * POSITIONS + (position))

/* ---- The store, and what is true ---- */

byte store[POSITIONS];              /* what stands now */
byte log[POSITIONS];                /* what stood there first: the log */
byte sent[WRITERS * POSITIONS];     /* what may still land, again and again */
byte floor;
byte deletable[POSITIONS];          /* since when the deleter knows a floor above it: up to GRACE */

/* ---- Walks: one for each node, and the truth's over `log` ---- */

#define NODES (WRITERS + READERS)
#define IS_WRITER(node) ((node) < WRITERS)
#define TRUTH NODES
byte tail[NODES + 1];
byte current[NODES + 1];            /* 1 + the epoch; 0 before the first claim */
byte last[NODES + 1];
byte count[NODES + 1];
byte isValid;                       /* the truth's valid positions, as bits */
byte inLog[WRITERS];                /* the numbers of the valid batches, as bits */

/* ---- What a node keeps ---- */

byte believed[NODES * POSITIONS];   /* the answers that it has accepted */
byte anchor[NODES];                 /* the age of its anchor by its own clock, up to FRESH */
bit lost[NODES];                    /* left behind */
byte age[WRITERS * POSITIONS];      /* of a create that can become an anchor, up to FRESH */
#ifdef WRONG_JUDGE_WHEN_SENT
bit sentFresh[WRITERS * POSITIONS]; /* the anchor was young enough when it was sent */
#endif
byte sentAt[WRITERS];               /* the positions that it has sent, as bits */
byte next[WRITERS];                 /* the first position past those and its tail */
byte chain[WRITERS];
byte chainLast[WRITERS];
byte chainCount[WRITERS];
byte deposedAt[WRITERS] = NONE;
byte failed[WRITERS];

byte p, i, j, s, found, ok, accepted;   /* of single steps */
#define DONE p = 0; i = 0; j = 0; s = 0; found = 0; ok = 0; accepted = 0

/* ---- Which segments count ---- */

inline pass(walk) {
    ok = false;
    if
    :: IS_CLAIM(s) && (current[walk] == 0 || TERM(OWNER(s)) > TERM(current[walk] - 1)) ->
        ok = true;
        current[walk] = OWNER(s) + 1;
        count[walk] = 0
    :: !IS_CLAIM(s) && OWNER(s) + 1 == current[walk] && PREVIOUS(s) == last[walk] ->
        ok = true;
        HOLDS("4: indexes are dense", NUMBER(s) == count[walk] + 1);
        count[walk] = NUMBER(s)
    :: else
    fi;
    last[walk] = (ok -> tail[walk] : last[walk]);
    tail[walk]++
}

/* ---- The store ---- */

inline land(writer, position) {
    store[position] = sent[AT(writer, position)];
    printf("store: %c's segment stands at %d\n", 'A' + writer, position);
    if
    :: log[position] == ABSENT ->
        log[position] = store[position];
        do
        :: tail[TRUTH] < POSITIONS && log[tail[TRUTH]] != ABSENT ->
            s = log[tail[TRUTH]];
            pass(TRUTH);
            if
            :: ok && !IS_CLAIM(s) ->
                isValid = isValid | BIT(tail[TRUTH] - 1);
                inLog[OWNER(s)] = inLog[OWNER(s)] | BIT(NUMBER(s));
                HOLDS("7: what was certainly not in the log is not in it",
                    !(failed[OWNER(s)] & BIT(NUMBER(s))))
            :: ok && IS_CLAIM(s) -> isValid = isValid | BIT(tail[TRUTH] - 1)
            :: else
            fi
        :: else -> break
        od
    :: else ->
        printf("store: it is a ghost, the name was free again\n");
#ifdef NEVER_GHOST
        HOLDS("never: a ghost stands at what some reader takes for its tail",
            store[position] == log[position] || tail[WRITERS] != position)
#endif
    fi
}

/* ---- Which answers count ---- */

#define IS_FRESH(node) (anchor[node] < FRESH)

#define HAS_SENT(node, position) (IS_WRITER(node) && sent[AT(node, position)] != ABSENT)
#define HAS_SENT_NONE(node) (!IS_WRITER(node) || sentAt[node] == 0)

/* Whether an answer is accepted, into `accepted`. If too late: a manifest read, begun after it. */
inline accept(node, position, trusted) {
    accepted = true;
    if
    :: trusted || IS_FRESH(node)
    :: else ->
        if
        :: JUDGED_AT(node, position) >= SHOWN_FLOOR ->
            anchor[node] = 0;
            printf("(the floor is %d: accepted)\n", floor)
        :: else ->
            accepted = false;
            lost[node] = true;
            printf("node %d: the floor is %d, above its tail %d: left behind\n", node, floor,
                tail[node]);
            loseEntries(node);
#ifdef NEVER_LOST
            HOLDS("never: a leader with open entries is left behind",
                !IS_WRITER(node) || chain[node] == 0)
#endif
        fi
    fi
}

/* What a node that was left behind says of its open entries: unknown. */
inline loseEntries(node) {
#ifdef WRONG_LOST_IS_CERTAIN
    if
    :: IS_WRITER(node) ->
        for (i : 0 .. POSITIONS - 1) {
            s = sent[AT(node, i)];
            if
            :: NUMBER(s) != 0 && believed[AT(node, i)] == ABSENT -> fail(node, NUMBER(s))
            :: else
            fi
        }
    :: else
    fi
#else
    skip
#endif
}

inline fail(writer, number) {
    failed[writer] = failed[writer] | BIT(number);
    printf("%c: batch %d is certainly not in the log\n", 'A' + writer, number);
    HOLDS("7: what was certainly not in the log is not in it", !(inLog[writer] & BIT(number)))
}

/* ---- Learning what stands at a position ---- */

inline learn(node, position) {
    printf("node %d: is told of %c's segment at %d\n", node, 'A' + OWNER(store[position]),
        position);
    accept(node, position, TRUSTED(node) || SENT_FRESH(node, position));
    if
    :: accepted ->
        believed[AT(node, position)] = store[position];
        HOLDS("2: all walks are the log's", store[position] == log[position]);
        if
        :: IS_WRITER(node) -> knowAhead(node, position)
        :: else
        fi;
        walkOn(node);
        if
        :: IS_WRITER(node) ->
            next[node] = (tail[node] > next[node] -> tail[node] : next[node]);
            settle(node)
        :: else
        fi
    :: else
    fi
}

/* What a writer makes of it before its walk comes there. */
inline knowAhead(writer, position) {
    s = store[position];
    noteClaim(writer, position);
    if
    :: OWNER(s) != writer ->
        age[AT(writer, position)] = 0;
        if
        :: chain[writer] & BIT(position) ->
            s = sent[AT(writer, position)];
            chain[writer] = chain[writer] & BELOW(position);
            chainLast[writer] = PREVIOUS(s);
            chainCount[writer] = NUMBER(s) - 1
        :: else
        fi
    :: else
    fi
}

inline noteClaim(writer, position) {
    if
    :: IS_CLAIM(s) && OWNER(s) > writer && position < deposedAt[writer] ->
        deposedAt[writer] = position
    :: else
    fi
}

/* The first send of a create of its own may be the anchor, once that is below its tail. */
inline youngest(writer, position) {
    anchor[writer] =
        (AGE(writer, position) < anchor[writer] -> AGE(writer, position) : anchor[writer])
}

inline walkOn(node) {
    do
    :: tail[node] < POSITIONS && believed[AT(node, tail[node])] != ABSENT ->
        s = believed[AT(node, tail[node])];
        pass(node);
        if
        :: IS_WRITER(node) && OWNER(s) == node ->
            youngest(node, tail[node] - 1);
            age[AT(node, tail[node] - 1)] = 0;
            if
            :: ok && IS_CLAIM(s) -> chainLast[node] = tail[node] - 1; chainCount[node] = 0
            :: ok && !IS_CLAIM(s) ->
                printf("%c: acknowledges batch %d\n", 'A' + node, NUMBER(s));
                HOLDS("1: what was acknowledged is in the log", isValid & BIT(tail[node] - 1))
            :: else
            fi
        :: else
        fi
    :: else -> break
    od
}

/* Fates (4.6): a claim of a greater term is known, by an accepted answer, at or before the try. */
inline settle(writer) {
    if
    :: deposedAt[writer] != NONE ->
        for (i : 1 .. BATCHES) {
            found = NONE;
            for (j : 0 .. POSITIONS - 1) {
                found = (NUMBER(sent[AT(writer, j)]) == i -> j : found)
            }
            if
            :: found != NONE && found >= deposedAt[writer] && !(failed[writer] & BIT(i)) ->
                fail(writer, i)
            :: else
            fi
        }
    :: else
    fi
}

/* ---- Steps of a node ---- */

#define LEARNABLE(node, position) (!lost[node] && store[position] != ABSENT \
    && believed[AT(node, position)] == ABSENT \
    && (position == tail[node] || HAS_SENT(node, position)))

/* It looks at its tail and finds it absent: proof that nothing newer is committed. */
inline lookAtTail(node) {
    printf("node %d: finds its tail %d absent\n", node, tail[node]);
    accept(node, tail[node], TRUSTED(node) || ABSENCE_TRUSTED);
    if
    :: accepted ->
        anchor[node] = 0;
        HOLDS("6: an absent tail is the log's tail", tail[TRUTH] <= tail[node])
    :: else
    fi
}

/* A node that has sent nothing reads the manifest, and starts from it where that is further on. */
inline start(node) {
    printf("node %d: reads the manifest, the floor is %d\n", node, floor);
    anchor[node] = 0;
    lost[node] = false;
    if
    :: tail[node] < floor ->
        tail[node] = 0;
        current[node] = 0;
        last[node] = 0;
        count[node] = 0;
        for (i : 0 .. POSITIONS - 1) {
            s = log[i];
            believed[AT(node, i)] = (i < floor -> s : ABSENT);
            if
            :: IS_WRITER(node) && i < floor -> noteClaim(node, i)
            :: else
            fi
        }
        walkOn(node);
        if
        :: IS_WRITER(node) -> next[node] = tail[node]
        :: else
        fi
    :: else
    fi
}

inline send(writer, position, segment) {
    sent[AT(writer, position)] = segment;
    sentAt[writer] = sentAt[writer] | BIT(position);
#ifdef WRONG_JUDGE_WHEN_SENT
    sentFresh[AT(writer, position)] = IS_FRESH(writer);
#endif
    if
    :: NUMBER(segment) != 0 ->
        chain[writer] = chain[writer] | BIT(position);
        chainLast[writer] = position;
        chainCount[writer]++
    :: else
    fi;
    printf("%c: sends %d to %d (0 a claim, else a batch)\n", 'A' + writer,
        NUMBER(sent[AT(writer, position)]), position);
    next[writer] = position + 1
}

#define LEADS(writer) (!lost[writer] && current[writer] == writer + 1 && deposedAt[writer] == NONE)
#define HAS_ROOM(writer) (next[writer] < POSITIONS && next[writer] < tail[writer] + WINDOW)
#define MAY_CLAIM(writer) (!lost[writer] && sentAt[writer] == 0 && tail[writer] < POSITIONS \
    && (current[writer] == 0 || current[writer] - 1 < writer))

#define LANDABLE(writer, position) \
    (IS_WRITER(writer) && sent[AT(writer, position)] != ABSENT && store[position] == ABSENT)

#define MAY_RENEW(node) \
    (!HAS_SENT_NONE(node) && !lost[node] && anchor[node] > 0 && tail[node] >= SHOWN_FLOOR)

active [NODES] proctype Node() {
    do
    :: d_step { HAS_SENT_NONE(_pid) && (tail[_pid] < floor || anchor[_pid] > 0) ->
        start(_pid); DONE }
    :: d_step { MAY_RENEW(_pid) ->
        printf("node %d: reads the manifest, the floor is %d\n", _pid, floor);
        anchor[_pid] = 0 }
    :: atomic {
        if
        :: LEARNABLE(_pid, 0) -> p = 0
        :: LEARNABLE(_pid, 1) -> p = 1
        :: LEARNABLE(_pid, 2) -> p = 2
#if POSITIONS > 3
        :: LEARNABLE(_pid, 3) -> p = 3
#endif
#if POSITIONS > 4
        :: LEARNABLE(_pid, 4) -> p = 4
#endif
        fi;
        d_step { learn(_pid, p); DONE } }
    :: d_step { !lost[_pid] && tail[_pid] < POSITIONS && store[tail[_pid]] == ABSENT ->
        lookAtTail(_pid); DONE }
    :: d_step { IS_WRITER(_pid) && MAY_CLAIM(_pid) -> send(_pid, tail[_pid], CLAIM(_pid)); DONE }
    :: d_step { IS_WRITER(_pid) && LEADS(_pid) && HAS_ROOM(_pid) && chainCount[_pid] < BATCHES ->
        send(_pid, next[_pid], BATCH(_pid, chainLast[_pid], chainCount[_pid] + 1)); DONE }
    :: atomic {
        if
        :: LANDABLE(_pid, 0) -> p = 0
        :: LANDABLE(_pid, 1) -> p = 1
        :: LANDABLE(_pid, 2) -> p = 2
#if POSITIONS > 3
        :: LANDABLE(_pid, 3) -> p = 3
#endif
#if POSITIONS > 4
        :: LANDABLE(_pid, 4) -> p = 4
#endif
        fi;
        d_step { land(_pid, p); DONE } }
    od
}

/* ---- Deleting ---- */

active proctype Deleter() {
    do
    :: d_step { floor < tail[TRUTH] ->
        floor++;
        printf("the manifest's floor is %d, and the deleter knows it\n", floor) }
    :: atomic {
        if
        :: DELETABLE(0) -> p = 0
        :: DELETABLE(1) -> p = 1
        :: DELETABLE(2) -> p = 2
#if POSITIONS > 3
        :: DELETABLE(3) -> p = 3
#endif
#if POSITIONS > 4
        :: DELETABLE(4) -> p = 4
#endif
        fi;
        d_step { store[p] = ABSENT; printf("store: position %d is deleted\n", p); DONE } }
    od
}

/* ---- Time. The deleter's clock and the nodes' may run at different rates. ---- */

#define UP_TO(most, value) (value < most -> value : most)

inline passTime(nodes, deleter) {
    printf("time: %d for the nodes, %d for the deleter\n", nodes, deleter);
    for (i : 0 .. NODES - 1) {
        anchor[i] = UP_TO(FRESH, anchor[i] + nodes)
    }
    for (i : 0 .. WRITERS - 1) {
        for (j : 0 .. POSITIONS - 1) {
            if
            :: (sent[AT(i, j)] != ABSENT && (believed[AT(i, j)] == ABSENT
                || (OWNER(believed[AT(i, j)]) == i && j >= tail[i]))) ->
                age[AT(i, j)] = UP_TO(FRESH, age[AT(i, j)] + nodes)
            :: else
            fi
        }
    }
    for (i : 0 .. POSITIONS - 1) {
        deletable[i] = (i < floor -> UP_TO(GRACE, deletable[i] + deleter) : 0)
    }
}

active proctype Time() {
    do
    :: d_step { true -> passTime(1, 1); DONE }
#ifdef DRIFT
    :: d_step { true -> passTime(1, 2); DONE }
    :: d_step { true -> passTime(2, 1); DONE }
#endif
#ifdef WRONG_DRIFT_OF_THREE
    :: d_step { true -> passTime(1, 3); DONE }
#endif
#ifdef WRONG_CLOCK_SLEEPS
    :: d_step { true -> passTime(0, 1); DONE }
#endif
    od
}
