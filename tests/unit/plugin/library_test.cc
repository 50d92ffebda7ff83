#include "plugin/library.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "unit/plugin/modules.h"

namespace sluice::plugin {
namespace {

namespace fs = std::filesystem;

TEST(Library, reads_what_a_plugin_says_about_itself) {
  auto library = Library::open(module("bare"), SLUICE_ABI_MINOR);
  ASSERT_TRUE(library) << library.error().why;
  EXPECT_STREQ((*library)->table().name, "bare");
  EXPECT_EQ((*library)->table().on_request, nullptr);
}

struct RefusedModule {
  const char* name;
  const char* why;
};

TEST(Library, refuses_what_is_no_plugin_for_this_gateway_and_says_why) {
  for (const RefusedModule& given : {
           RefusedModule{"no_entry", "it is no plugin: it does not export sluice_plugin_entry"},
           RefusedModule{"no_table", "its entry gives no table"},
           RefusedModule{"wrong_major",
                         "it was built for ABI 2.7; this gateway has 1.0: build it anew"},
           RefusedModule{"newer_minor",
                         "it was built for ABI 1.250; this gateway has 1.0: update the gateway"},
           RefusedModule{"short_table", "its table has 24 bytes; ABI 1.0 has 56"},
           RefusedModule{"nameless", "it has no name or no version"},
       }) {
    auto library = Library::open(module(given.name), SLUICE_ABI_MINOR);
    ASSERT_FALSE(library) << given.name;
    EXPECT_EQ(library.error().kind, Fault::Kind::invalid) << given.name;
    EXPECT_EQ(library.error().why, given.why) << given.name;
  }
}

TEST(Library, refuses_files_that_are_no_shared_objects) {
  ModuleFolder folder;
  std::ofstream(folder.file("text.so")) << "not ELF\n";
  auto text = Library::open(folder.file("text.so"), SLUICE_ABI_MINOR);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().kind, Fault::Kind::invalid);
  EXPECT_EQ(text.error().why, "file too short");
  ASSERT_EQ(::mkfifo(folder.file("fifo.so").c_str(), 0600), 0);
  auto fifo = Library::open(folder.file("fifo.so"), SLUICE_ABI_MINOR);
  ASSERT_FALSE(fifo);
  EXPECT_EQ(fifo.error().why, "it is no regular file");
  auto folder_itself = Library::open(folder.file("."), SLUICE_ABI_MINOR);
  ASSERT_FALSE(folder_itself);
  EXPECT_EQ(folder_itself.error().kind, Fault::Kind::invalid);
}

TEST(Library, a_name_without_a_folder_is_a_file_here_and_nowhere_else) {
  auto library = Library::open("libc.so.6", SLUICE_ABI_MINOR);
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().kind, Fault::Kind::unreadable);
  EXPECT_EQ(library.error().why, "No such file or directory");
}

TEST(Library, refuses_what_anybody_could_change) {
  ModuleFolder folder;
  std::string file = folder.copy("bare");
  ASSERT_EQ(::chmod(file.c_str(), 0757), 0);
  auto library = Library::open(file, SLUICE_ABI_MINOR);
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().kind, Fault::Kind::unsafe);
  ASSERT_EQ(::chmod(file.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(folder.path().c_str(), 0777), 0);
  library = Library::open(file, SLUICE_ABI_MINOR);
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().kind, Fault::Kind::unsafe);
  // As /tmp: nobody may replace the file of another there.
  ASSERT_EQ(::chmod(folder.path().c_str(), 01777), 0);
  EXPECT_TRUE(Library::open(file, SLUICE_ABI_MINOR));
}

TEST(Library, follows_a_link_and_judges_what_it_leads_to) {
  ModuleFolder folder;
  std::string file = folder.copy("bare");
  fs::create_symlink(file, folder.file("link.so"));
  EXPECT_TRUE(Library::open(folder.file("link.so"), SLUICE_ABI_MINOR));
  ASSERT_EQ(::chmod(file.c_str(), 0757), 0);
  EXPECT_FALSE(Library::open(folder.file("link.so"), SLUICE_ABI_MINOR));
}

TEST(Library, a_file_replaced_while_the_old_one_is_loaded_is_not_taken_for_the_new_one) {
  ModuleFolder folder;
  std::string file = folder.copy("bare");
  auto first = Library::open(file, SLUICE_ABI_MINOR);
  ASSERT_TRUE(first);
  fs::copy_file(module("verdict"), folder.file("next.so"));
  fs::rename(folder.file("next.so"), file);
  auto second = Library::open(file, SLUICE_ABI_MINOR);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().why,
            "the loaded file was replaced: give the new one another name, or restart");
  first = Fault{};  // the old one goes
  second = Library::open(file, SLUICE_ABI_MINOR);
  ASSERT_TRUE(second) << second.error().why;
  EXPECT_STREQ((*second)->table().name, "verdict");
}

}  // namespace
}  // namespace sluice::plugin
