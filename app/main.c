#include <ops/commands.h>

int main(int argc, char **argv) {
    return ops_main(ops_commands, argc, argv);
}
