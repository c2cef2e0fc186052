// cxx_object.cpp: objects and .pt files from C++17: whatever stands in an object's place becomes one.
#include <tapegrad.h>

#include <cstdio>
#include <cstdlib>
#include <string>

static int failures = 0;

static void check(bool ok, const char *what)
{
    std::printf("%s: %s\n", ok ? "ok" : "FAILED", what);
    failures += !ok;
}

static std::string temporary_folder()
{
    char path[] = "/tmp/tapegrad-cxx-XXXXXX";
    const char *made = mkdtemp(path);
    return made ? made : "";
}

int main()
{
    const tg_scope scope = tg_scope_begin();
    tg_linear *model = tg_linear_new(3, 2);
    tg_tensor *t = tg_ones(tg_shape(2));
    const std::string name = "lstm";
    tg_object *c =
        tg_dict("epoch", 3, "lr", 0.1, "flag", true, "model", tg_state_dict(model), "name", name.c_str(), "two",
                tg_list(t, t), "groups", tg_object_list(tg_dict("betas", tg_object_tuple(0.9f, 0.999)), 7L));
    tg_dict_set(c, 5, std::size_t(6));
    check(tg_object_int(c, "epoch") == 3 && tg_object_int(c, "5") == 6, "numbers");
    check(tg_object_kind_of(tg_object_get(c, "flag")) == TG_OBJECT_BOOL, "true is a bool");
    check(tg_object_number(c, "groups.0.betas.1") == 0.999, "a path");
    check(name == tg_object_text(c, "name"), "a text");
    check(tg_object_tensors(c).count == 4, "tensors");

    const std::string folder = temporary_folder(), path = folder + "/c.pt";
    check(tg_save_pt(c, path.c_str()) == TG_OK, "saved");
    const tg_object *loaded = tg_load_pt(path.c_str());
    check(tg_object_int(loaded, "epoch") == 3, "loaded");
    check(tg_load_state_dict(model, tg_object_tensors(loaded, "model")) == TG_OK, "into a model");
    check(tg_save_pt(tg_state_dict(model), path.c_str()) == TG_OK, "a state dict alone");
    check(tg_load(path.c_str()).count == 2, "as any format");
    std::remove(path.c_str());
    std::remove(folder.c_str());
    tg_module_free(TG_MODULE(model));
    check(tg_ok(), "no error");
    tg_scope_end(scope);
    return failures != 0;
}
