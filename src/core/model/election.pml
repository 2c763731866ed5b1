/*
 * Elections whose votes are not kept (PROTOCOL.md section 6), and what the log makes of them (3).
 *
 * Three nodes stand, vote, win and claim; a node may start again with nothing, while a process of
 * it that has won goes on as if nothing had happened. Messages are late, lost and repeated: a voter
 * may answer a request whenever it was once sent, a candidate count a grant whenever it was given.
 * An election decides only who tries: two may win one term, and the log says which of them leads.
 */

#define NODES 3
#ifndef TERMS
#define TERMS 2         /* nobody stands for a greater one; at most 3 */
#endif
#ifndef WINS
#define WINS 2          /* elections won; each is an epoch, at most 4 */
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef POSITIONS
#define POSITIONS 3     /* at most 4 */
#endif

#include "common.pml"
#define IS_QUORUM(set) (((set) & ((set) - 1)) != 0)     /* two of three */

/* ---- The store. Epochs are counted from 1; what stands is a claim, written as its epoch. ---- */

byte store[POSITIONS];
byte tail;                          /* of the true log */
byte current;                       /* E there; 0 before the first claim */

/* ---- Epochs: each a process that has won an election, with a walk of its own ---- */

byte wins;
byte termOf[WINS + 1];
byte winnerOf[WINS + 1];            /* 1 + the node */
byte sent[WINS + 1];                /* the positions to which it has sent its claim, as bits */
byte walkTail[WINS + 1];
byte walkEpoch[WINS + 1];

/* ---- Messages, by candidate and term ---- */

#define OF(candidate, term) ((candidate) * (TERMS + 1) + (term))
bit asked[NODES * (TERMS + 1)];     /* a request was sent */
byte granted[NODES * (TERMS + 1)];  /* the voters that have granted one, as bits */

/* ---- Nodes ---- */

mtype = { starting, follower, candidate, elected };
mtype stage[NODES] = starting;
byte seen[NODES];                   /* the greatest term */
byte vote[NODES];                   /* 1 + whom it voted for, or follows, in that term; 0 */
byte votes[NODES];                  /* a candidate's, as bits */
byte restarts;

byte c, t, s, i;                    /* of single steps */
#define DONE c = 0; t = 0; s = 0; i = 0

/* ---- Which claims count (section 3), and which epochs are one ---- */

#ifdef WRONG_EQUAL_TERM
#define COUNTS(epoch, now) (now == 0 || (epoch != now && termOf[epoch] >= termOf[now]))
#else
#define COUNTS(epoch, now) (now == 0 || termOf[epoch] > termOf[now])
#endif

#ifdef NO_NONCE
#define SAME(a, b) (termOf[a] == termOf[b] && winnerOf[a] == winnerOf[b])
#else
#define SAME(a, b) ((a) == (b))
#endif

#define LEADS(epoch) (walkEpoch[epoch] != 0 && SAME(epoch, walkEpoch[epoch]))

inline land(epoch) {
    store[tail] = epoch;
    printf("store: the claim of epoch %d stands at %d\n", epoch, tail);
    if
    :: COUNTS(epoch, current) ->
        HOLDS("3: one epoch per term in the log, terms increase",
            current == 0 || termOf[epoch] > termOf[current]);
        current = epoch
    :: else
    fi;
    tail++
}

inline readOn(epoch) {
    s = store[walkTail[epoch]];
    walkEpoch[epoch] = (COUNTS(s, walkEpoch[epoch]) -> s : walkEpoch[epoch]);
    walkTail[epoch]++;
    if
    :: LEADS(epoch) ->
        printf("epoch %d: leads\n", epoch);
        for (i : 1 .. WINS) {
            /* Two processes that lead one epoch send different bytes under one name. */
            HOLDS("one process leads an epoch", i == epoch || !LEADS(i) || !SAME(i, epoch))
        }
    :: else
    fi
}

/* Claims at its tail or one ahead, as long as it knows nobody of its term or above in the log. */
#define MAY_CLAIM(epoch, position) (epoch <= wins && position < POSITIONS \
    && !(sent[epoch] & BIT(position)) && termOf[walkEpoch[epoch]] < termOf[epoch])

inline claim(epoch, position) {
    sent[epoch] = sent[epoch] | BIT(position);
    printf("epoch %d: claims at %d\n", epoch, position)
}

/* ---- Electing (section 6) ---- */

inline adopt(node, term) {
    seen[node] = term;
    vote[node] = 0;
    if
    :: stage[node] != starting -> stage[node] = follower; votes[node] = 0
    :: else
    fi
}

/* A node reads the log to its tail before it answers anything, and before it stands. */
inline readLog(node) {
    if
    :: termOf[current] > seen[node] -> adopt(node, termOf[current])
    :: else
    fi
}

inline stand(node) {
    readLog(node);
    if
    :: seen[node] < TERMS ->
        seen[node]++;
        vote[node] = node + 1;
        votes[node] = BIT(node);
        stage[node] = candidate;
        asked[OF(node, seen[node])] = true;
        printf("node %d: stands for term %d\n", node, seen[node])
    :: else
    fi
}

#ifdef WRONG_VOTE_TWICE
#define MAY_VOTE(node, c) true
#else
#define MAY_VOTE(node, c) (vote[node] == 0 || vote[node] == c + 1)
#endif

/* It votes for a candidate of a greater term; of its own term only where it has not voted. */
inline answer(node, c, t) {
    if
    :: t > seen[node] -> adopt(node, t)
    :: else
    fi;
    vote[node] = c + 1;
    granted[OF(c, t)] = granted[OF(c, t)] | BIT(node);
    printf("node %d: votes for node %d in term %d\n", node, c, t)
}
#define ANSWERABLE(node, c, t) (asked[OF(c, t)] && c != node && stage[node] != starting \
    && !(granted[OF(c, t)] & BIT(node)) \
    && (t > seen[node] || (t == seen[node] && stage[node] != elected && MAY_VOTE(node, c))))

inline win(node) {
    wins++;
    termOf[wins] = seen[node];
    winnerOf[wins] = node + 1;
    stage[node] = elected;
    votes[node] = 0;
    printf("node %d: wins term %d, draws the nonce of epoch %d\n", node, seen[node], wins);
    for (i : 1 .. WINS) {
        HOLDS("one wins a term, while all keep their votes",
            i >= wins || termOf[i] != termOf[wins] || restarts > 0);
#ifdef NEVER_TIE
        HOLDS("never: two nodes win one term",
            i >= wins || termOf[i] != termOf[wins] || winnerOf[i] == winnerOf[wins])
#endif
    }
}

/* A heartbeat of an epoch that claims or leads. */
inline hear(node, epoch) {
    if
    :: termOf[epoch] > seen[node] -> adopt(node, termOf[epoch])
    :: else
    fi;
    vote[node] = winnerOf[epoch];
    votes[node] = 0;
    stage[node] = follower;
    printf("node %d: hears epoch %d\n", node, epoch)
}
#define HEARABLE(node, epoch) (epoch <= wins && winnerOf[epoch] != node + 1 \
    && stage[node] != starting && (termOf[epoch] > seen[node] \
        || (termOf[epoch] == seen[node] && stage[node] != elected \
            && vote[node] != winnerOf[epoch])))

inline restart(node) {
    restarts++;
    stage[node] = starting;
    seen[node] = 0;
    vote[node] = 0;
    votes[node] = 0;
    printf("node %d: starts again with nothing\n", node)
}

active [NODES] proctype Node() {
    do
    :: d_step { stage[_pid] == starting -> readLog(_pid); stage[_pid] = follower; DONE }
    :: d_step { (stage[_pid] == follower || stage[_pid] == candidate) && seen[_pid] < TERMS ->
        stand(_pid); DONE }
    :: d_step { stage[_pid] == candidate && (granted[OF(_pid, seen[_pid])] & ~votes[_pid]) ->
        votes[_pid] = votes[_pid] | granted[OF(_pid, seen[_pid])] }
    :: d_step { stage[_pid] == candidate && IS_QUORUM(votes[_pid]) && wins < WINS ->
        win(_pid); DONE }
    :: d_step { restarts < RESTARTS && stage[_pid] != starting -> restart(_pid); DONE }
    :: atomic {
        if
        :: ANSWERABLE(_pid, 0, 1) -> c = 0; t = 1
        :: ANSWERABLE(_pid, 1, 1) -> c = 1; t = 1
        :: ANSWERABLE(_pid, 2, 1) -> c = 2; t = 1
#if TERMS > 1
        :: ANSWERABLE(_pid, 0, 2) -> c = 0; t = 2
        :: ANSWERABLE(_pid, 1, 2) -> c = 1; t = 2
        :: ANSWERABLE(_pid, 2, 2) -> c = 2; t = 2
#endif
#if TERMS > 2
        :: ANSWERABLE(_pid, 0, 3) -> c = 0; t = 3
        :: ANSWERABLE(_pid, 1, 3) -> c = 1; t = 3
        :: ANSWERABLE(_pid, 2, 3) -> c = 2; t = 3
#endif
        fi;
        d_step { answer(_pid, c, t); DONE } }
    :: atomic {
        if
        :: HEARABLE(_pid, 1) -> c = 1
        :: HEARABLE(_pid, 2) -> c = 2
#if WINS > 2
        :: HEARABLE(_pid, 3) -> c = 3
#endif
#if WINS > 3
        :: HEARABLE(_pid, 4) -> c = 4
#endif
        fi;
        d_step { hear(_pid, c); DONE } }
    od
}

/* What an epoch's process does, in the node that won it or after that has started again. */
#define ME (_pid - NODES + 1)

active [WINS] proctype Epoch() {
    do
    :: d_step { MAY_CLAIM(ME, walkTail[ME]) -> claim(ME, walkTail[ME]) }
    :: d_step { MAY_CLAIM(ME, walkTail[ME] + 1) -> claim(ME, walkTail[ME] + 1) }
    :: d_step { tail < POSITIONS && (sent[ME] & BIT(tail)) -> land(ME); DONE }
    :: d_step { ME <= wins && walkTail[ME] < tail -> readOn(ME); DONE }
    od
}
