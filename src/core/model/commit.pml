/*
 * Claims, the window, fates and reads (PROTOCOL.md sections 2 to 5).
 *
 * EPOCHS leaderships of given terms race for POSITIONS names. A create that was sent may land at
 * any later moment, or never, whatever became of its sender. Nothing is deleted here (deletion.pml
 * does that), so what stands at a name stands for ever.
 */

#ifndef EPOCHS
#define EPOCHS 2        /* at most 3 */
#endif
#ifndef TERM_A
#define TERM_A 1        /* their terms, which may tie */
#endif
#ifndef TERM_B
#define TERM_B 2
#endif
#ifndef TERM_C
#define TERM_C 3
#endif
#ifndef POSITIONS
#define POSITIONS 5     /* at most 8 */
#endif
#ifndef BATCHES
#define BATCHES 2       /* that each epoch wants to append; at most 3 */
#endif
#ifndef WINDOW
#define WINDOW 2        /* K */
#endif
#ifndef CLAIMS
#define CLAIMS 2        /* that an epoch may send before it leads */
#endif
#ifndef AHEAD
#define AHEAD 1         /* how far past its tail a claimant may claim; at most 2 */
#endif

#include "common.pml"
#include "commit-rules.pml"

/* ---- Segments: the owner's epoch, the batch's number (0: a claim), and `previous`. ---- */

#ifdef WRONG_OTHER_BYTES
#define Segment short           /* A name may have a second content, with another checksum. */
#define SECOND 128
#define PREVIOUS_IS_SECOND 256
#else
#define Segment byte
#endif
#define ABSENT 0
#define CLAIM(epoch) (((epoch) + 1) << 5)
#define BATCH(epoch, previous, number) (CLAIM(epoch) | (previous) << 2 | (number))
#define OWNER(segment) ((((segment) >> 5) & 3) - 1)
#define PREVIOUS(segment) (((segment) >> 2) & 7)
#define NUMBER(segment) ((segment) & 3)
#define IS_CLAIM(segment) (NUMBER(segment) == 0)

#define TERM(epoch) ((epoch) == 0 -> TERM_A : ((epoch) == 1 -> TERM_B : TERM_C))

/* ---- The store: what stands, and what each epoch has sent, all of which may still land. ---- */

Segment store[POSITIONS];
Segment sent[EPOCHS * POSITIONS];
#define SENT(epoch, position) sent[(epoch) * POSITIONS + (position)]
#ifdef WRONG_OTHER_BYTES
Segment resent[EPOCHS * POSITIONS];
#define RESENT(epoch, position) resent[(epoch) * POSITIONS + (position)]
#define MINE(epoch, position) \
    (RESENT(epoch, position) -> RESENT(epoch, position) : SENT(epoch, position))
#else
#define MINE(epoch, position) SENT(epoch, position)
#endif

/* ---- Walks (section 3): one for each epoch's node, and the truth's, which sees all ---- */

#define TRUTH EPOCHS
byte tail[EPOCHS + 1];
byte current[EPOCHS + 1];   /* E: 1 + the epoch; 0 before the first claim */
byte last[EPOCHS + 1];      /* P */
byte count[EPOCHS + 1];     /* N - 1: E's batches so far; with PRODUCER, all batches */
byte isValid;               /* the positions that the truth's walk found valid, as bits */
byte inLog[EPOCHS];         /* the numbers of the valid batches, as bits */
#ifdef WRONG_OTHER_BYTES
bit lastIsSecond[EPOCHS + 1];
#endif

/* ---- What an epoch's node keeps. ---- */

byte known[EPOCHS];         /* the positions at which it knows what stands, as bits */
byte sentAt[EPOCHS];        /* the positions that it has sent, as bits */
byte next[EPOCHS];          /* the first position past all those */
byte claims[EPOCHS];        /* how many claims it has sent */
byte chain[EPOCHS];         /* the positions of its batches that can still become valid, as bits */
byte chainLast[EPOCHS];     /* the last of them, or the claim that they follow */
byte chainCount[EPOCHS];    /* the number of the last of them */
byte committed[EPOCHS];     /* its valid segments, as bits; batches are acknowledged */
byte deposedAt[EPOCHS] = NONE;  /* where it first knows a claim of a greater term */
byte failed[EPOCHS];        /* the numbers of batches that are certainly not in the log, as bits */
#ifdef RESIGN
bit resigned[EPOCHS];       /* it stepped down on its own */
#define RESIGNED(epoch) resigned[epoch]
#else
#define RESIGNED(epoch) false
#endif
#ifdef WRONG_TABLE_OF_CLAIM
byte table[EPOCHS];         /* the producer's last number when the first claim was sent */
#endif
#ifdef WRONG_PROOF_BY_CREATED
byte created[EPOCHS];       /* its segments that it knows to stand */
#endif

/* ---- A linearizable read, one at a time. ---- */

byte readAt;                /* 1 + the epoch whose node reads */
byte readBefore;            /* what that node had sent before the read began, as bits */
byte readNeeds;             /* the true tail when it began: all acknowledged lies below */

byte p, i, number, found, ok;   /* of single steps */
Segment s;
#define DONE p = 0; i = 0; number = 0; found = 0; ok = 0; s = 0

/* Moves a walk past the segment `s` at its tail. Afterwards `ok` says whether that is valid. */
inline pass(walk) {
    ok = false;
    if
    :: IS_CLAIM(s) && CLAIM_COUNTS(OWNER(s), current[walk]) ->
        ok = true;
        /* Invariant 3: terms increase along valid claims, so one epoch per term is in the log. */
        HOLDS("3: one epoch per term in the log, terms increase",
            walk != TRUTH || current[walk] == 0 || TERM(OWNER(s)) > TERM(current[walk] - 1));
        current[walk] = OWNER(s) + 1;
#ifndef PRODUCER
        count[walk] = 0
#endif
    :: !IS_CLAIM(s) && OWNER(s) + 1 == current[walk] && FOLLOWS(s, walk) ->
        ok = true;
        /* Invariants 4 and 5: indexes are dense, no producer's number counts twice. */
        HOLDS("4, 5: indexes are dense, nothing stands twice", NUMBER(s) == count[walk] + 1);
        count[walk] = NUMBER(s)
    :: else
    fi;
    if
    :: ok ->
        last[walk] = tail[walk];
#ifdef WRONG_OTHER_BYTES
        lastIsSecond[walk] = ((s & SECOND) != 0)
#endif
    :: else
    fi;
    tail[walk]++
}

/* ---- The store: a create takes effect, and the truth's walk goes on. ---- */

inline land(position, content) {
    store[position] = content;
    printf("store: %c's segment stands at %d\n", 'A' + OWNER(content), position);
    do
    :: tail[TRUTH] < POSITIONS && store[tail[TRUTH]] != ABSENT ->
        s = store[tail[TRUTH]];
        pass(TRUTH);
        if
        :: ok ->
            isValid = isValid | BIT(tail[TRUTH] - 1);
            if
            :: !IS_CLAIM(s) ->
                inLog[OWNER(s)] = inLog[OWNER(s)] | BIT(NUMBER(s));
                /* Invariant 7: what was certainly not in the log never appears in it. */
                HOLDS("7: what was certainly not in the log is not in it",
                    !(failed[OWNER(s)] & BIT(NUMBER(s))))
            :: else
            fi
        :: else ->
            /* Invariant 1: what was acknowledged is in the log. */
            HOLDS("1: what was acknowledged is in the log",
                IS_CLAIM(s) || !(committed[OWNER(s)] & BIT(tail[TRUTH] - 1)))
        fi
    :: else -> break
    od
}

/* ---- A node ---- */

inline commit(epoch, position) {
    committed[epoch] = committed[epoch] | BIT(position);
    printf("%c: mine at %d is committed\n", 'A' + epoch, position);
    /* Invariant 1: these very bytes are in the log, or will be where it has not come so far. */
    HOLDS("1: what was acknowledged is in the log", IS_CLAIM(MINE(epoch, position))
        || (store[position] == MINE(epoch, position)
            && (position >= tail[TRUTH] || (isValid & BIT(position)))));
#ifdef NEVER_AGAIN
    HOLDS("never: what died has gone out again and is committed", NUMBER(MINE(epoch, position)) != 1
        || NUMBER(MINE(epoch, position - 1)) != 2)
#endif
}

/* A node learns what stands at a position, by the answer to its create or by reading its tail. */
inline learn(epoch, position) {
    known[epoch] = known[epoch] | BIT(position);
    s = store[position];
    printf("%c: knows what stands at %d\n", 'A' + epoch, position);
    if
    :: IS_CLAIM(s) && TERM(OWNER(s)) > TERM(epoch) && position < deposedAt[epoch] ->
        deposedAt[epoch] = position
    :: else
    fi;
    if
    :: (chain[epoch] & BIT(position)) && !STANDS(epoch, position) ->
        /* 4.5: dead, with all that follows it in the chain. */
        s = MINE(epoch, position);
        chain[epoch] = chain[epoch] & BELOW(position);
        chainLast[epoch] = PREVIOUS(s);
        chainCount[epoch] = NUMBER(s) - 1
    :: else
    fi;
#ifdef WRONG_PROOF_BY_CREATED
    created[epoch] = created[epoch] | (STANDS(epoch, position) -> BIT(position) : 0);
#endif
#ifdef WRONG_ACKNOWLEDGE_EARLY
    if
    :: STANDS(epoch, position) && !IS_CLAIM(store[position]) -> commit(epoch, position)
    :: else
    fi;
#endif
#ifdef WRONG_LEAD_OVER_GAP
    if
    :: store[position] == CLAIM(epoch) && position > tail[epoch] ->
        known[epoch] = known[epoch] | BELOW(position);
        tail[epoch] = position
    :: else
    fi;
#endif
    do
    :: tail[epoch] < POSITIONS && (known[epoch] & BIT(tail[epoch])) ->
#ifdef WRONG_READ_BACK
        s = (STANDS(epoch, tail[epoch]) -> MINE(epoch, tail[epoch]) : store[tail[epoch]]);
#else
        s = store[tail[epoch]];
#endif
        pass(epoch);
        if
        :: ok && OWNER(s) == epoch && STANDS(epoch, tail[epoch] - 1) ->
            if
            :: IS_CLAIM(s) ->
                chainLast[epoch] = tail[epoch] - 1;
                chainCount[epoch] = FIRST_COUNT(epoch)
            :: else
            fi;
            commit(epoch, tail[epoch] - 1)
        :: else
        fi
    :: else -> break
    od;
    next[epoch] = (tail[epoch] > next[epoch] -> tail[epoch] : next[epoch]);
    settle(epoch);
    canSend(epoch)
}

/* Fates (4.6): a node that stepped down sends nothing new, only the same bytes again. */
inline settle(epoch) {
    if
    :: deposedAt[epoch] != NONE || RESIGNED(epoch) ->
        for (number : 1 .. BATCHES) {
            found = NONE;
            for (i : 0 .. POSITIONS - 1) {
                if
                :: MINE(epoch, i) && NUMBER(MINE(epoch, i)) == number -> found = i
                :: else
                fi
            }
            if
            :: (found != NONE && !(failed[epoch] & BIT(number))
                && CERTAINLY_NOT(epoch, number, found)) ->
                failed[epoch] = failed[epoch] | BIT(number);
                printf("%c: batch %d is certainly not in the log\n", 'A' + epoch, number);
                HOLDS("7: what was certainly not in the log is not in it",
                    !(inLog[epoch] & BIT(number)));
#ifdef NEVER_CERTAIN
                HOLDS("never: a leader that resigned knows a fate and no greater claim",
                    deposedAt[epoch] != NONE)
#endif
            :: else
            fi
        }
    :: else
    fi
}

/* ---- Leading (section 4) ---- */

#define LEADS(epoch) (current[epoch] == epoch + 1 && deposedAt[epoch] == NONE && !RESIGNED(epoch))
#define GAPS(epoch) (BELOW(next[epoch]) & ~(sentAt[epoch] | known[epoch]))
/* Whoever leads, and has every answer that it waits for, can send something: else it is stuck. */
inline canSend(epoch) {
    HOLDS("a leader with every answer can send",
        !LEADS(epoch) || (sentAt[epoch] & ~known[epoch]) || next[epoch] >= POSITIONS
        || ROOM(epoch) || MUST_FILL(epoch) || store[tail[epoch]] != ABSENT)
}

#ifdef WRONG_OTHER_BYTES
#define SECOND_OF_CHAIN(epoch) \
    (MINE(epoch, chainLast[epoch]) & SECOND -> PREVIOUS_IS_SECOND : 0)
/* A batch goes out under the name of one that died, or that is the last and still open. */
#define REUSABLE(epoch, position) (LEADS(epoch) && chainCount[epoch] < BATCHES \
    && position >= chainLast[epoch] && !(known[epoch] & BIT(position)) \
    && NUMBER(SENT(epoch, position)) != 0 && !RESENT(epoch, position))
#endif

#define MAY_SEND(epoch) (LEADS(epoch) && !MUST_FILL(epoch) && ROOM(epoch) \
    && chainCount[epoch] < BATCHES && next[epoch] < POSITIONS)

#define MAY_CLAIM(epoch, position) (position < POSITIONS && !committed[epoch] \
    && current[epoch] != epoch + 1 && claims[epoch] < CLAIMS && !RESIGNED(epoch) \
    && (current[epoch] == 0 || TERM(current[epoch] - 1) < TERM(epoch)) \
    && !((sentAt[epoch] | known[epoch]) & BIT(position)))

inline sendClaim(epoch, position) {
#ifdef WRONG_TABLE_OF_CLAIM
    table[epoch] = (claims[epoch] == 0 -> count[epoch] : table[epoch]);
#endif
    SENT(epoch, position) = CLAIM(epoch);
    sentAt[epoch] = sentAt[epoch] | BIT(position);
    next[epoch] = (position >= next[epoch] -> position + 1 : next[epoch]);
    claims[epoch]++;
    printf("%c: sends a claim of term %d to %d\n", 'A' + epoch, TERM(epoch), position)
}

inline sendBatch(epoch, position) {
    SENT(epoch, position) = BATCH(epoch, chainLast[epoch], chainCount[epoch] + 1);
#ifdef WRONG_OTHER_BYTES
    SENT(epoch, position) = SENT(epoch, position) | SECOND_OF_CHAIN(epoch);
#endif
    sentAt[epoch] = sentAt[epoch] | BIT(position);
    /* Nor past K of the true tail: a claim there meets no batch of this epoch (4.1). */
#ifndef WRONG_LEAD_OVER_GAP
    HOLDS("9: no batch K or more past the tail", position < tail[TRUTH] + WINDOW);
#endif
    extend(epoch, position);
    next[epoch] = position + 1      /* last: `position` stands for it */
}

inline extend(epoch, position) {
    printf("%c: sends batch %d, previous %d, to %d\n", 'A' + epoch, chainCount[epoch] + 1,
        chainLast[epoch], position);
    chain[epoch] = chain[epoch] | BIT(position);
    chainLast[epoch] = position;
    chainCount[epoch]++
}

#ifdef WRONG_OTHER_BYTES
inline sendOtherBytes(epoch, position) {
    if
    :: chain[epoch] & BIT(position) ->
        chain[epoch] = chain[epoch] & BELOW(position);
        chainCount[epoch]--;
        chainLast[epoch] = PREVIOUS(SENT(epoch, position))
    :: else
    fi;
    RESENT(epoch, position) =
        (BATCH(epoch, chainLast[epoch], chainCount[epoch] + 1) | SECOND | SECOND_OF_CHAIN(epoch));
    extend(epoch, position)
}
#endif

/* ---- Reading (section 5) ---- */

inline beginRead(epoch) {
    readAt = epoch + 1;
    readBefore = NOT_A_PROOF(epoch);
    readNeeds = tail[TRUTH];
    printf("%c: a read begins, the log's tail is %d\n", 'A' + epoch, tail[TRUTH])
}

inline answerRead(epoch) {
    printf("%c: answers the read from all below %d\n", 'A' + epoch, tail[epoch]);
    /* Invariant 6 */
    HOLDS("6: a read sees all that came before it", tail[epoch] >= readNeeds);
    readAt = 0;
    readBefore = 0;
    readNeeds = 0
}

/* ---- Everybody ---- */

#define LEARNABLE(epoch, position) (store[position] != ABSENT && !(known[epoch] & BIT(position)) \
    && (position == tail[epoch] || (sentAt[epoch] & BIT(position))))
/* Past the true tail only who has sent there too sees that a create landed: so it lands just before
   one of them learns it. */
#define LANDS_AHEAD(epoch, position) \
    (position > tail[TRUTH] && store[position] == ABSENT && (sentAt[epoch] & BIT(position)))

active [EPOCHS] proctype Node() {
    do
    :: d_step { MAY_CLAIM(_pid, tail[_pid]) -> sendClaim(_pid, tail[_pid]); DONE }
#if AHEAD >= 1
    :: d_step { MAY_CLAIM(_pid, tail[_pid] + 1) -> sendClaim(_pid, tail[_pid] + 1); DONE }
#endif
#if AHEAD >= 2
    :: d_step { MAY_CLAIM(_pid, tail[_pid] + 2) -> sendClaim(_pid, tail[_pid] + 2); DONE }
#endif
    :: d_step { LEADS(_pid) && MUST_FILL(_pid) ->
        i = tail[_pid];
        do
        :: GAPS(_pid) & BIT(i) -> break
        :: else -> i++
        od;
        sendClaim(_pid, i); DONE }
    :: d_step { MAY_SEND(_pid) ->
        sendBatch(_pid, next[_pid]); DONE }
#ifdef WRONG_OTHER_BYTES
    :: atomic {
        if
        :: REUSABLE(_pid, 1) -> p = 1
        :: REUSABLE(_pid, 2) -> p = 2
        :: REUSABLE(_pid, 3) -> p = 3
        fi;
        d_step { sendOtherBytes(_pid, p); DONE } }
#endif
    :: d_step { tail[TRUTH] < POSITIONS && SENT(_pid, tail[TRUTH]) ->
        land(tail[TRUTH], SENT(_pid, tail[TRUTH])); DONE }
#ifdef WRONG_OTHER_BYTES
    :: d_step { tail[TRUTH] < POSITIONS && RESENT(_pid, tail[TRUTH]) ->
        land(tail[TRUTH], RESENT(_pid, tail[TRUTH])); DONE }
#endif
    :: atomic {
        if
        :: LEARNABLE(_pid, 0) -> p = 0
        :: LEARNABLE(_pid, 1) || LANDS_AHEAD(_pid, 1) -> p = 1
        :: LEARNABLE(_pid, 2) || LANDS_AHEAD(_pid, 2) -> p = 2
        :: LEARNABLE(_pid, 3) || LANDS_AHEAD(_pid, 3) -> p = 3
#if POSITIONS > 4
        :: LEARNABLE(_pid, 4) || LANDS_AHEAD(_pid, 4) -> p = 4
#endif
#if POSITIONS > 5
        :: LEARNABLE(_pid, 5) || LANDS_AHEAD(_pid, 5) -> p = 5
#endif
#if POSITIONS > 6
        :: LEARNABLE(_pid, 6) || LANDS_AHEAD(_pid, 6) -> p = 6
#endif
#if POSITIONS > 7
        :: LEARNABLE(_pid, 7) || LANDS_AHEAD(_pid, 7) -> p = 7
#endif
        fi;
        if
        :: store[p] != ABSENT
        :: store[p] == ABSENT && SENT(0, p) -> store[p] = SENT(0, p)
        :: store[p] == ABSENT && SENT(1, p) -> store[p] = SENT(1, p)
#if EPOCHS > 2
        :: store[p] == ABSENT && SENT(2, p) -> store[p] = SENT(2, p)
#endif
#ifdef WRONG_OTHER_BYTES
        :: store[p] == ABSENT && RESENT(0, p) -> store[p] = RESENT(0, p)
        :: store[p] == ABSENT && RESENT(1, p) -> store[p] = RESENT(1, p)
#endif
        fi;
        d_step { learn(_pid, p); DONE } }
#ifdef RESIGN
    :: d_step { LEADS(_pid) -> resigned[_pid] = true; settle(_pid); DONE }
#endif
#ifdef READS
    :: d_step { readAt == 0 -> beginRead(_pid); DONE }
    :: d_step { readAt == _pid + 1 && (PROOFS(_pid) & ~readBefore) -> answerRead(_pid); DONE }
    :: d_step { readAt == _pid + 1 && LOOK_AT(_pid) < POSITIONS && store[LOOK_AT(_pid)] == ABSENT ->
        answerRead(_pid); DONE }
#endif
    od
}
