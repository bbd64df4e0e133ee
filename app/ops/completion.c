#include <ops/commands.h>
#include <ops/common.h>
#include <ops/manual.h>
#include <string.h>

static const struct {
    const char *name;
    void (*write)(FILE *out, const struct ops_command *const commands[]);
} shells[] = {{"bash", ops_complete_bash}, {"zsh", ops_complete_zsh}, {"fish", ops_complete_fish}};

static int completion(struct ops_call *call) {
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++)
        if (!strcmp(call->args[0], shells[i].name)) {
            shells[i].write(stdout, call->commands);
            return ops_done();
        }
    return ops_usage(call, "'%s' is not one of %s", call->args[0], call->command->args);
}

const struct ops_command ops_completion = {
    .name = "completion",
    .args = "bash|zsh|fish",
    .summary = "Print the completion script of a shell",
    .about = "cmake --install puts these scripts where the shells look for them. By hand:\n\n"
             "  source <(pouch completion bash)                                  # in ~/.bashrc\n"
             "  source <(pouch completion zsh)                                   # in ~/.zshrc, after compinit\n"
             "  pouch completion fish > ~/.config/fish/completions/pouch.fish\n",
    .least = 1,
    .most = 1,
    .no_settings = true,
    .run = completion,
};
