/* Words of all models. */

/* A property that must hold here. Its name is told when a counterexample is played back. */
#define HOLDS(name, condition) \
    if \
    :: (condition) \
    :: else -> printf("broken: "); printf(name); printf("\n"); assert(false) \
    fi

/* Sets of small numbers. */
#define BIT(n) (1 << (n))
#define BELOW(n) (BIT(n) - 1)

#define NONE 255
